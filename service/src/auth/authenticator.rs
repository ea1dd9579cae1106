//! Checks Basic credentials. bcrypt takes tens of milliseconds on purpose, so
//! a right answer is remembered for a short time under a keyed hash of the
//! password; wrong ones never are, and few are checked at a time.

use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderValue;
use moka::future::Cache;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;

use super::htpasswd::Users;
use super::{Credential, HtpasswdError, Principal};
use crate::config::AuthConfig;

/// The user name of the internal credential.
const INTERNAL_USER: &str = "packyard-internal";
/// How many remembered passwords; each is 32 bytes.
const CACHE_ENTRIES: u64 = 10_000;
/// Guessing may keep one core busy, never all.
const CHECKS_AT_ONCE: usize = 1;
/// The file's time of change is looked at this often at most.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// What an unknown user's password is compared with, so that it takes as long.
/// No password is known for it: it is the hash of a random one.
const NOBODY: &str = "$2b$10$kEwZCXzX3Cy2vX6PqTn0uO9E9lQe1dCFb1m4H3b0XmQyVZr8yHf8S";

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// No credentials. Remedy: log in.
    #[error("authentication is required")]
    Missing,
    /// Wrong user or password.
    #[error("the user or the password is wrong")]
    Wrong,
    /// The header is not Basic.
    #[error("the Authorization header cannot be read; use Basic authentication")]
    Malformed,
}

/// Checks credentials. Cloning shares it.
#[derive(Clone)]
pub struct Authenticator(Arc<Inner>);

struct Inner {
    users: Option<RwLock<Loaded>>,
    config: AuthConfig,
    internal: Credential,
    key: [u8; 32],
    known: Cache<[u8; 32], ()>,
    checks: Semaphore,
}

struct Loaded {
    users: Arc<Users>,
    changed: Option<SystemTime>,
    looked: Instant,
}

impl Authenticator {
    /// Reads the file of users, if one is configured, and makes up the internal credential.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn new(config: &AuthConfig) -> Result<Self, HtpasswdError> {
        let users = match &config.htpasswd {
            Some(path) => Some(RwLock::new(Loaded {
                users: Arc::new(Users::read(path)?),
                changed: changed(path),
                looked: Instant::now(),
            })),
            None => None,
        };
        Ok(Self(Arc::new(Inner {
            users,
            config: config.clone(),
            internal: Credential {
                user: INTERNAL_USER.to_owned(),
                password: URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()),
            },
            key: rand::random(),
            known: Cache::builder()
                .max_capacity(CACHE_ENTRIES)
                .time_to_live(Duration::from_secs(config.cache_secs))
                .build(),
            checks: Semaphore::new(CHECKS_AT_ONCE),
        })))
    }

    /// Whether there are users at all, so that requests must say who they are from.
    pub fn has_users(&self) -> bool {
        self.0.users.is_some()
    }

    /// The realm to answer with.
    pub fn realm(&self) -> &str {
        &self.0.config.realm
    }

    /// The credential for parts of this process; it lives in memory only.
    pub fn internal(&self) -> Credential {
        self.0.internal.clone()
    }

    /// Checks an `Authorization` header.
    ///
    /// # Errors
    /// When the header is no Basic header, or user and password do not match.
    pub async fn check(&self, header: &HeaderValue) -> Result<Principal, AuthError> {
        let (user, password) = decode(header).ok_or(AuthError::Malformed)?;
        if user == INTERNAL_USER {
            let same = password
                .as_bytes()
                .ct_eq(self.0.internal.password.as_bytes());
            return if same.into() {
                Ok(Principal::Internal)
            } else {
                Err(AuthError::Wrong)
            };
        }
        let Some(users) = &self.0.users else {
            return Err(AuthError::Wrong);
        };
        let hash = self.current(users).hash(&user);
        // The hash is part of the key: a changed password is seen at once.
        let key = self.0.fingerprint(&user, &password, hash.as_deref());
        if self.0.known.contains_key(&key) {
            return Ok(Principal::User(user.into()));
        }
        if !self.0.verify(password, hash).await {
            return Err(AuthError::Wrong);
        }
        self.0.known.insert(key, ()).await;
        Ok(Principal::User(user.into()))
    }

    /// The users, read again if the file has changed.
    fn current(&self, users: &RwLock<Loaded>) -> Arc<Users> {
        let read = users
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if read.looked.elapsed() < LOOK_EVERY {
            return Arc::clone(&read.users);
        }
        drop(read);
        let mut loaded = users
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        loaded.looked = Instant::now();
        if let Some(path) = &self.0.config.htpasswd {
            let now = changed(path);
            if now != loaded.changed {
                loaded.changed = now;
                match Users::read(path) {
                    Ok(users) => loaded.users = Arc::new(users),
                    Err(error) => tracing::error!(%error, "the users before the change stay"),
                }
            }
        }
        Arc::clone(&loaded.users)
    }
}

impl Inner {
    async fn verify(&self, password: String, hash: Option<Arc<str>>) -> bool {
        let Ok(_permit) = self.checks.acquire().await else {
            return false;
        };
        let known = hash.is_some();
        let check = tokio::task::spawn_blocking(move || {
            bcrypt::verify(password, hash.as_deref().unwrap_or(NOBODY)).unwrap_or(false)
        });
        check.await.unwrap_or(false) && known
    }

    fn fingerprint(&self, user: &str, password: &str, hash: Option<&str>) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("any key length will do");
        for part in [user, password, hash.unwrap_or_default()] {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part.as_bytes());
        }
        mac.finalize().into_bytes().into()
    }
}

fn changed(path: &std::path::Path) -> Option<SystemTime> {
    std::fs::metadata(path)
        .and_then(|meta| meta.modified())
        .ok()
}

fn decode(header: &HeaderValue) -> Option<(String, String)> {
    let text = header.to_str().ok()?;
    let (scheme, encoded) = text.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = STANDARD.decode(encoded.trim()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests;
