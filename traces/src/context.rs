//! Which trace and which span something belongs to, as W3C Trace Context writes it.

use std::fmt;

/// The name of a trace; never all zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId([u8; 16]);

/// The name of a span in its trace; never all zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanId([u8; 8]);

impl TraceId {
    /// A new one.
    pub(crate) fn random() -> Self {
        let mut id: [u8; 16] = rand::random();
        id[0] |= u8::from(id == [0; 16]);
        Self(id)
    }

    /// What decides whether a trace is kept: W3C has its last 56 bits be random.
    pub(crate) fn chance(self) -> f64 {
        let low = u128::from_be_bytes(self.0) & ((1 << 56) - 1);
        low as f64 / (1_u64 << 56) as f64
    }
}

impl SpanId {
    /// A new one.
    pub(crate) fn random() -> Self {
        Self::from_bytes(rand::random())
    }

    /// One that is known; all zeros are none, and become another.
    #[must_use]
    pub fn from_bytes(mut id: [u8; 8]) -> Self {
        id[0] |= u8::from(id == [0; 8]);
        Self(id)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// A place in a trace. Its text is the value of the header `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace.
    pub trace: TraceId,
    /// The span in it.
    pub span: SpanId,
    /// Whether the spans of this trace are kept.
    pub sampled: bool,
}

impl TraceContext {
    /// Reads the value of the header `traceparent`; `None` where it is not one. A version that
    /// is newer than this program may say more at the end.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let [version] = bytes(parts.next()?)?;
        let (trace, span) = (bytes(parts.next()?)?, bytes(parts.next()?)?);
        let [flags] = bytes(parts.next()?)?;
        let is_known = match version {
            0 => parts.next().is_none(),
            other => other != 0xff,
        };
        let is_named = trace != [0; 16] && span != [0; 8];
        (is_known && is_named).then_some(Self {
            trace: TraceId(trace),
            span: SpanId(span),
            sampled: flags & 1 == 1,
        })
    }
}

/// Bytes in hexadecimal, in small letters as the specification wants.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let small = !text.bytes().any(|letter| letter.is_ascii_uppercase());
    (small && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(bytes)
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.sampled);
        write!(f, "00-{}-{}-{flags:02x}", self.trace, self.span)
    }
}

#[cfg(test)]
mod tests {
    use super::{TraceContext, TraceId};

    #[test]
    fn what_is_read_is_written_again_and_nothing_else_is_read() {
        for flags in ["00", "01"] {
            let text = format!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-{flags}");
            let context = TraceContext::parse(&text).unwrap();
            assert_eq!(context.to_string(), text);
            assert_eq!(context.sampled, flags == "01");
        }
        let newer = "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more";
        assert!(TraceContext::parse(newer).is_some());
        for wrong in [
            "",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
        ] {
            assert_eq!(TraceContext::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn of_many_traces_a_part_is_kept_that_is_near_the_ratio() {
        let kept = (0..10_000).filter(|_| TraceId::random().chance() < 0.25);
        let kept = kept.count();
        assert!((2200..2800).contains(&kept), "{kept} of 10000");
    }
}
