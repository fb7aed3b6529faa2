//! Where a person's files lie: config, state and cache, under `DOCK_HOME` or where the platform keeps such things.
//!
//! Never: a state file that others can read; a folder made before something is put into it.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::settings::Settings;
use crate::config::{self, ConfigError};

/// Three folders, and the names of what lies in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    config: PathBuf,
    state: PathBuf,
    cache: PathBuf,
    settings_file: Option<PathBuf>,
}

/// Why the files cannot be used as they are.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    #[error("this account has no home folder\nhint: set DOCK_HOME to a folder of your own")]
    NoHome,
    #[error("{} cannot be made: {error}\nhint: check who owns it, or set DOCK_HOME to a folder of your own", folder.display())]
    Unmakable { folder: PathBuf, error: io::Error },
    #[error("{} can be read by others, and holds what you sign\nhint: chmod 700 {}", folder.display(), folder.display())]
    Open { folder: PathBuf },
    #[error("{} cannot be written: {error}", file.display())]
    Unwritable { file: PathBuf, error: io::Error },
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl Home {
    /// `DOCK_HOME`, else the platform's folders.
    pub fn find() -> Result<Self, HomeError> {
        if let Some(dir) = config::environment("DOCK_HOME") {
            return Ok(Self::at(Path::new(&dir)));
        }
        let dirs = directories::ProjectDirs::from("", "", "dock").ok_or(HomeError::NoHome)?;
        let state = dirs.state_dir().unwrap_or_else(|| dirs.data_local_dir());
        Ok(Self {
            config: dirs.config_dir().to_owned(),
            state: state.to_owned(),
            cache: dirs.cache_dir().to_owned(),
            settings_file: None,
        })
    }

    /// Everything under one folder.
    pub fn at(dir: &Path) -> Self {
        Self {
            config: dir.join("config"),
            state: dir.join("state"),
            cache: dir.join("cache"),
            settings_file: None,
        }
    }

    /// The same home with another `console.toml` (`--config`).
    #[must_use]
    pub fn with_settings_file(self, file: PathBuf) -> Self {
        Self { settings_file: Some(file), ..self }
    }

    pub fn settings_file(&self) -> PathBuf {
        self.settings_file.clone().unwrap_or_else(|| self.config.join("console.toml"))
    }

    pub fn themes_folder(&self) -> PathBuf {
        self.config.join("themes")
    }

    pub fn outbox_file(&self) -> PathBuf {
        self.state.join("outbox.db")
    }

    pub fn cache_file(&self) -> PathBuf {
        self.cache.join("cache.db")
    }

    pub fn session_file(&self) -> PathBuf {
        self.state.join("session")
    }

    /// What `console.toml` says; without one, the defaults. A file that was named and is not there is an error.
    pub fn settings(&self) -> Result<Settings, HomeError> {
        Ok(match &self.settings_file {
            Some(file) => config::read(file)?,
            None => config::read_or_default(&self.settings_file())?,
        })
    }

    /// Keeps the theme in `console.toml`, and says in which file. Where that is a link, the file behind it is written.
    pub fn save_theme(&self, theme: &str) -> Result<PathBuf, HomeError> {
        let named = self.settings_file();
        if self.settings_file.is_none() {
            self.config_folder()?;
        }
        let file = fs::canonicalize(&named).unwrap_or(named);
        let unwritable = |error| HomeError::Unwritable { file: file.clone(), error };
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(unwritable(error)),
        };
        let edited = super::settings::with_theme(&text, theme)
            .ok_or_else(|| unwritable(io::Error::other(format!("write theme = \"{theme}\" by hand"))))?;
        write_private(&file, edited.as_bytes())?;
        Ok(file)
    }

    /// Makes the folder of state and returns it; refuses one that others can read.
    pub fn state_folder(&self) -> Result<&Path, HomeError> {
        private_folder(&self.state)?;
        Ok(&self.state)
    }

    pub fn cache_folder(&self) -> Result<&Path, HomeError> {
        private_folder(&self.cache)?;
        Ok(&self.cache)
    }

    pub fn config_folder(&self) -> Result<&Path, HomeError> {
        private_folder(&self.config)?;
        Ok(&self.config)
    }
}

/// Makes a folder for its owner alone, or checks that it is one.
pub fn private_folder(folder: &Path) -> Result<(), HomeError> {
    let unmakable = |error| HomeError::Unmakable { folder: folder.to_owned(), error };
    if !folder.exists() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unmakable)?;
    }
    let mode = fs::metadata(folder).map_err(unmakable)?.permissions().mode();
    // The six lowest bits are what group and others may do.
    if mode.trailing_zeros() >= 6 { Ok(()) } else { Err(HomeError::Open { folder: folder.to_owned() }) }
}

/// Writes a file for its owner alone: whole or not at all, on disk before it returns.
pub fn write_private(file: &Path, bytes: &[u8]) -> Result<(), HomeError> {
    let aside = file.with_extension("new");
    let unwritable = |error| HomeError::Unwritable { file: file.to_owned(), error };
    let _ = fs::remove_file(&aside);
    let mut new =
        fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside).map_err(unwritable)?;
    io::Write::write_all(&mut new, bytes).and_then(|()| new.sync_all()).map_err(unwritable)?;
    fs::rename(&aside, file).map_err(unwritable)?;
    let folder = file.parent().map(fs::File::open).transpose().map_err(unwritable)?;
    folder.map_or(Ok(()), |folder| folder.sync_all()).map_err(unwritable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_for_their_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(&dir.path().join("sarah"));
        let state = home.state_folder().unwrap().to_owned();
        assert_eq!(fs::metadata(&state).unwrap().permissions().mode() & 0o777, 0o700);
        fs::set_permissions(&state, fs::Permissions::from_mode(0o755)).unwrap();
        let said = home.state_folder().unwrap_err().to_string();
        assert!(said.contains("chmod 700"), "{said}");
    }

    #[test]
    fn files_are_written_whole() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("session");
        for text in ["one", "two"] {
            write_private(&file, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), text);
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left aside");
    }
}
