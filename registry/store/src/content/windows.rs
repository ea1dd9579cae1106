//! Windows that stay mapped for a while, for whoever sends the same file next.
//!
//! Each pull would find the pages of the same file for a mapping, and take the mapping down again.
//! It knows windows and not what is in them, and maps nothing itself.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use memmap2::Mmap;

/// How much stays mapped that nobody sends. It counts as memory of this process, but the kernel
/// can drop it at any time, as all that it has of files.
const KEPT_BYTES: usize = 1 << 30;
/// How long a window stays that nobody sends. A file that is removed keeps its place on the disk
/// until then.
const IDLE: Duration = Duration::from_secs(10);

/// Which window of which file. While it is mapped, no other file gets the number of its inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) number: u64,
}

/// The windows of one content store.
#[derive(Clone, Default)]
pub(crate) struct Windows(Arc<Mutex<Open>>);

#[derive(Default)]
struct Open {
    windows: HashMap<Place, Window>,
    bytes: usize,
    /// Whether somebody comes for what is idle.
    is_swept: bool,
}

struct Window {
    mapping: Arc<Mmap>,
    used: Instant,
    /// When all of it was last seen in memory.
    warmed: Option<Instant>,
}

impl Windows {
    /// A window, mapped if it is not; and when all of it was last seen in memory.
    pub(crate) fn get(
        &self,
        place: Place,
        map: impl FnOnce() -> io::Result<Mmap>,
    ) -> io::Result<(Arc<Mmap>, Option<Instant>)> {
        if let Some(window) = self.lock().windows.get_mut(&place) {
            window.used = Instant::now();
            return Ok((Arc::clone(&window.mapping), window.warmed));
        }
        // Should two map the same, the second one stays.
        let mapping = Arc::new(map()?);
        let mut open = self.lock();
        let replaced = open.insert(place, Arc::clone(&mapping));
        let surplus = open.surplus(KEPT_BYTES);
        if !open.is_swept
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            open.is_swept = true;
            runtime.spawn(sweep(Arc::downgrade(&self.0)));
        }
        drop(open);
        // Nobody waits for the lock while these are taken down.
        drop((replaced, surplus));
        Ok((mapping, None))
    }

    /// Notes that all of a window is in memory.
    pub(crate) fn is_warm(&self, place: Place, now: Instant) {
        if let Some(window) = self.lock().windows.get_mut(&place) {
            window.warmed = Some(now);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Windows {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.lock().bytes;
        formatter
            .debug_struct("Windows")
            .field("bytes", &bytes)
            .finish()
    }
}

impl Open {
    fn insert(&mut self, place: Place, mapping: Arc<Mmap>) -> Option<Window> {
        self.bytes += mapping.len();
        let window = Window {
            mapping,
            used: Instant::now(),
            warmed: None,
        };
        let replaced = self.windows.insert(place, window);
        self.bytes -= replaced.as_ref().map_or(0, |window| window.mapping.len());
        replaced
    }

    /// Takes out what was not used for longest until the rest fits.
    fn surplus(&mut self, kept: usize) -> Vec<Window> {
        let mut taken = Vec::new();
        while self.bytes > kept {
            let oldest = self.windows.iter().min_by_key(|(_, window)| window.used);
            let Some((place, _)) = oldest else { break };
            let place = *place;
            taken.extend(self.remove(place));
        }
        taken
    }

    /// Takes out what nobody used since.
    fn idle(&mut self, since: Instant) -> Vec<Window> {
        let idle = self
            .windows
            .iter()
            .filter(|(_, window)| window.used < since);
        let places: Vec<Place> = idle.map(|(place, _)| *place).collect();
        places
            .into_iter()
            .filter_map(|place| self.remove(place))
            .collect()
    }

    fn remove(&mut self, place: Place) -> Option<Window> {
        let window = self.windows.remove(&place)?;
        self.bytes -= window.mapping.len();
        Some(window)
    }
}

/// Takes down what is idle until nothing is left, beside the async threads.
async fn sweep(open: Weak<Mutex<Open>>) {
    loop {
        tokio::time::sleep(IDLE / 2).await;
        let Some(windows) = open.upgrade().map(Windows) else {
            return;
        };
        let (idle, is_last) = windows.take_idle(Instant::now().checked_sub(IDLE));
        drop(windows);
        // What fails here is the runtime, which takes everything with it.
        drop(tokio::task::spawn_blocking(move || drop(idle)).await);
        if is_last {
            return;
        }
    }
}

impl Windows {
    /// What nobody used since, and whether nothing else is left; then nobody comes again.
    fn take_idle(&self, since: Option<Instant>) -> (Vec<Window>, bool) {
        let mut open = self.lock();
        let idle = since.map(|since| open.idle(since)).unwrap_or_default();
        open.is_swept = !open.windows.is_empty();
        (idle, !open.is_swept)
    }
}

#[cfg(test)]
mod tests {
    use memmap2::MmapMut;

    use super::*;

    const BYTES: usize = 4096;

    fn place(number: u64) -> Place {
        Place {
            device: 1,
            inode: 2,
            number,
        }
    }

    fn map() -> io::Result<Mmap> {
        MmapMut::map_anon(BYTES)?.make_read_only()
    }

    #[test]
    fn a_window_is_mapped_once_and_remembers_that_it_is_warm() {
        let windows = Windows::default();
        let (first, warmed) = windows.get(place(0), map).expect("a window");
        assert!(warmed.is_none());
        let now = Instant::now();
        windows.is_warm(place(0), now);
        let again = windows.get(place(0), || panic!("it is mapped"));
        let (second, warmed) = again.expect("a window");
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(warmed, Some(now));
        let (other, warmed) = windows.get(place(1), map).expect("another window");
        assert!(!Arc::ptr_eq(&first, &other) && warmed.is_none());
    }

    #[test]
    fn beyond_the_bound_what_was_used_last_stays() {
        let windows = Windows::default();
        for number in 0..3 {
            windows.get(place(number), map).expect("a window");
        }
        let (sent, _) = windows.get(place(0), map).expect("used again");
        let mut open = windows.lock();
        drop(open.surplus(2 * BYTES));
        assert_eq!(open.bytes, 2 * BYTES);
        assert!(!open.windows.contains_key(&place(1)));
        drop(open.surplus(0));
        assert_eq!((open.bytes, open.windows.len()), (0, 0));
        // Whoever sends it still has it.
        assert_eq!(sent.len(), BYTES);
    }

    #[test]
    fn the_same_window_mapped_by_two_counts_once() {
        let windows = Windows::default();
        let twice = || {
            windows.get(place(0), map)?;
            map()
        };
        windows.get(place(0), twice).expect("a window");
        assert_eq!(windows.lock().bytes, BYTES);
    }

    #[test]
    fn what_is_idle_goes_and_with_the_last_one_the_sweep_ends() {
        let windows = Windows::default();
        let before = Instant::now();
        windows.get(place(0), map).expect("a window");
        let (idle, is_last) = windows.take_idle(Some(before));
        assert!(idle.is_empty() && !is_last);
        let (idle, is_last) = windows.take_idle(Instant::now().checked_add(IDLE));
        assert!(idle.len() == 1 && is_last);
        assert_eq!(windows.lock().bytes, 0);
    }
}
