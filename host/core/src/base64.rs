//! Bytes in JSON.

use data_encoding::BASE64;
use serde::{Deserialize, Deserializer, Serializer};

/// Writes bytes as base64.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(bytes: &[u8], s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(&BASE64.encode(bytes))
}

/// Reads bytes from base64.
///
/// # Errors
/// When the text is not base64.
pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
    let text = std::borrow::Cow::<'_, str>::deserialize(d)?;
    BASE64.decode(text.as_bytes()).map_err(serde::de::Error::custom)
}

/// The same for bytes that may be missing.
pub mod option {
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes bytes as base64, or null.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(bytes: &Option<Vec<u8>>, s: S) -> Result<S::Ok, S::Error> {
        match bytes {
            Some(bytes) => super::serialize(bytes, s),
            None => s.serialize_none(),
        }
    }

    /// Reads bytes from base64, or none from null.
    ///
    /// # Errors
    /// When the text is not base64.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Vec<u8>>, D::Error> {
        let text = Option::<String>::deserialize(d)?;
        text.map(|t| super::BASE64.decode(t.as_bytes()).map_err(serde::de::Error::custom)).transpose()
    }
}
