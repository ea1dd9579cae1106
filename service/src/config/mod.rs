//! One TOML file configures a server: one table for each concern, one struct
//! for each table, every field documented with its key, default and the
//! environment variable that overrides it.
//!
//! A struct is declared with [`section!`](crate::section), which also keeps the
//! text that [`reference`](reference()) is made of, so that what is documented
//! is what is read. Unknown keys are errors: a misspelt key never passes as a
//! default.

mod error;
mod load;
mod macros;
#[doc(hidden)]
pub use macros::support as __macro;
mod sections;
#[cfg(test)]
mod tests;

pub use error::{ConfigError, ConfigErrors};
pub use load::{apply_environment, apply_file, reference};
pub use sections::{AuthConfig, LogConfig, LogFormat, ServerConfig, TracesConfig};

/// What is known of one key.
#[derive(Clone, Debug)]
pub struct Field {
    /// The key inside its table.
    pub key: &'static str,
    /// What it does, from the field's own comment.
    pub doc: String,
    /// The default as TOML; `None` when the key is not set by default.
    pub default: Option<String>,
    /// The environment variable that overrides the file.
    pub environment: &'static str,
}

/// One table of the file.
pub trait Section {
    /// The table's name.
    fn name(&self) -> &'static str;
    /// What the table is about.
    fn doc(&self) -> String;
    /// Its keys, in the order of the reference.
    fn fields(&self) -> Vec<Field>;
    /// Sets a key that [`fields`](Self::fields) names.
    ///
    /// # Errors
    /// What is wrong with the value, for people.
    fn set(&mut self, key: &str, value: toml::Value) -> Result<(), String>;
}
