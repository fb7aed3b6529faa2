//! What is read again while the server runs: shifts that people wrote down, and the secrets of hooks.
//!
//! All of it is read and checked before any of it is taken; what is wrong leaves everything as it was.
//! Never: half of it; another file than the config named at the start.

use std::sync::Arc;

use super::{App, Config, Server, config::WrongConfig, hooks::Secrets};

/// Reads again, whenever it is asked to.
pub struct Reload {
    app: Arc<App>,
    config: Config,
}

impl Server {
    /// For as long as this server runs; `config` is the one that it began with.
    pub fn reload(&self, config: &Config) -> Reload {
        Reload::of(Arc::clone(&self.app), config)
    }
}

impl Reload {
    pub(super) fn of(app: Arc<App>, config: &Config) -> Self {
        Self { app, config: config.clone() }
    }

    /// Takes the rota file and the hooks' secrets as they are now, or nothing.
    ///
    /// # Errors
    ///
    /// What is wrong, and in which file; everything is then as it was.
    pub fn now(&self) -> Result<(), WrongConfig> {
        let (rota, secrets) = (self.config.shifts()?, Secrets::read(&self.config.hooks)?);
        self.app.shifts.take(rota);
        self.app.hooks.take_secrets(secrets);
        Ok(())
    }
}
