//! The host's imports with the signatures of the generated ones, over the thread's [`super::Env`].

use super::env::with;

pub mod channel {
    use super::with;

    pub fn id() -> String {
        with(|env| env.channel.clone())
    }

    pub fn config() -> String {
        with(|env| env.config.clone())
    }
}

pub mod log {
    use super::with;
    use crate::log::Level;

    pub fn write(level: &Level, message: &str) {
        let level = match level {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
            Level::Other(name) => name,
        };
        with(|env| env.log.push(format!("{level}: {message}")));
    }
}

pub mod state {
    use super::with;
    use crate::bindings::jackfield::connector::state::StateError;

    pub fn get(key: &str) -> Result<Option<Vec<u8>>, StateError> {
        Ok(with(|env| env.state.get(key).cloned()))
    }

    pub fn set(key: &str, value: &[u8]) -> Result<(), StateError> {
        with(|env| env.state.insert(key.into(), value.into()));
        Ok(())
    }

    pub fn delete(key: &str) -> Result<(), StateError> {
        with(|env| env.state.remove(key));
        Ok(())
    }

    pub fn list_keys(prefix: &str) -> Result<Vec<String>, StateError> {
        let keys = |env: &mut super::super::Env| {
            env.state.keys().filter(|key| key.starts_with(prefix)).take(1000).cloned().collect()
        };
        Ok(with(keys))
    }
}

pub mod secrets {
    use super::super::keys;
    use super::with;
    use crate::secrets::{Scheme, SecretError};

    pub fn verify(name: &str, scheme: &Scheme, message: &[u8], signature: &[u8]) -> Result<bool, SecretError> {
        check(name, |secret| keys::verify(scheme, secret, message, signature))
    }

    pub fn equals(name: &str, candidate: &[u8]) -> Result<bool, SecretError> {
        check(name, |secret| Ok(keys::equals(secret, candidate)))
    }

    pub fn sign(name: &str, scheme: &Scheme, message: &[u8]) -> Result<Vec<u8>, SecretError> {
        with(|env| match env.secrets.get(name) {
            Some(secret) => keys::sign(scheme, secret, message),
            None => Err(SecretError::Missing(name.into())),
        })
    }

    fn check(name: &str, check: impl FnOnce(&[u8]) -> Result<bool, SecretError>) -> Result<bool, SecretError> {
        with(|env| {
            let genuine = check(env.secrets.get(name).ok_or_else(|| SecretError::Missing(name.into()))?)?;
            env.authenticated |= genuine;
            Ok(genuine)
        })
    }
}
