//! The macro that declares a table of the configuration.

/// Declares a struct that is one table of the configuration file.
///
/// Each field gives its type, its environment variable and its default. The
/// comments become the reference.
#[macro_export]
macro_rules! section {
    (
        $(#[doc = $doc:literal])*
        pub struct $name:ident in $table:literal {
            $(
                $(#[doc = $field_doc:literal])*
                pub $field:ident: $type:ty = $default:expr, env $env:literal;
            )*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug)]
        pub struct $name {
            $(
                $(#[doc = $field_doc])*
                pub $field: $type,
            )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $crate::config::Section for $name {
            fn name(&self) -> &'static str {
                $table
            }

            fn doc(&self) -> String {
                [$($doc),*].map(str::trim).join("\n")
            }

            fn fields(&self) -> Vec<$crate::config::Field> {
                let defaults = Self::default();
                vec![$(
                    $crate::config::Field {
                        key: stringify!($field),
                        doc: [$($field_doc),*].map(str::trim).join("\n"),
                        default: $crate::config::__macro::as_toml(&defaults.$field),
                        environment: $env,
                    },
                )*]
            }

            fn set(&mut self, key: &str, value: $crate::config::__macro::Value) -> Result<(), String> {
                match key {
                    $(stringify!($field) => {
                        self.$field = $crate::config::__macro::read(value)?;
                        Ok(())
                    })*
                    other => Err(format!("no such key: {other}")),
                }
            }
        }
    };
}

/// What [`section!`] needs; nothing to call by hand.
#[doc(hidden)]
pub mod support {
    pub use toml::Value;

    /// The default of a field as TOML text.
    pub fn as_toml<T: serde::Serialize>(value: &T) -> Option<String> {
        Value::try_from(value).ok().map(|value| value.to_string())
    }

    /// Reads a value into a field.
    pub fn read<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, String> {
        T::deserialize(value).map_err(|error| error.message().to_owned())
    }
}
