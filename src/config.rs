//! Finds, reads and checks what is configured: TOML files, the environment, files that hold secrets.
//!
//! Each module owns its own section type (`deny_unknown_fields`); here they are read, with the nearest known name
//! where one is not known. This is the only place that asks the environment.
//! Never: a secret in the file itself, or one that others can read; a half-read config.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

/// The largest config file that is read.
pub const CONFIG_BYTES_MAX: u64 = 1024 * 1024;

/// Why a config is of no use. The sentence names the file, the line and, for a slip of the pen, what was meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("{} cannot be read: {why}", file.display())]
    Unreadable { file: PathBuf, why: String },
    #[error("{}: {why}", file.display())]
    Wrong { file: PathBuf, why: String },
    #[error("{} can be read by others\nhint: chmod 600 {}", file.display(), file.display())]
    Open { file: PathBuf },
}

/// A variable of the environment; empty is absent.
pub fn environment(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "this is the place where the environment is read")]
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A whole TOML file as a section type.
pub fn read<T: DeserializeOwned>(file: &Path) -> Result<T, ConfigError> {
    parse(file, &text(file)?)
}

/// The same, where a missing file means that everything has its default.
pub fn read_or_default<T: DeserializeOwned + Default>(file: &Path) -> Result<T, ConfigError> {
    if file.exists() { read(file) } else { Ok(T::default()) }
}

/// A secret in a file of its own, without the white space around it.
pub fn secret(file: &Path) -> Result<Zeroizing<String>, ConfigError> {
    private(file)?;
    let text = Zeroizing::new(text(file)?);
    Ok(Zeroizing::new(text.trim().to_owned()))
}

/// Refuses a file that others can read.
pub fn private(file: &Path) -> Result<(), ConfigError> {
    use std::os::unix::fs::PermissionsExt;
    let facts = fs::metadata(file).map_err(|error| unreadable(file, &error))?;
    // The six lowest bits are what group and others may do.
    if facts.permissions().mode().trailing_zeros() >= 6 {
        return Ok(());
    }
    Err(ConfigError::Open { file: file.to_owned() })
}

fn text(file: &Path) -> Result<String, ConfigError> {
    let facts = fs::metadata(file).map_err(|error| unreadable(file, &error))?;
    if facts.len() > CONFIG_BYTES_MAX {
        let why = format!("it has {} bytes; {CONFIG_BYTES_MAX} are the limit", facts.len());
        return Err(ConfigError::Unreadable { file: file.to_owned(), why });
    }
    fs::read_to_string(file).map_err(|error| unreadable(file, &error))
}

fn unreadable(file: &Path, error: &std::io::Error) -> ConfigError {
    ConfigError::Unreadable { file: file.to_owned(), why: error.to_string() }
}

fn parse<T: DeserializeOwned>(file: &Path, text: &str) -> Result<T, ConfigError> {
    toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        let meant = did_you_mean(error.message()).map(|name| format!("; did you mean `{name}`?"));
        let why = format!("line {at}: {}{}", error.message().trim_end(), meant.unwrap_or_default());
        ConfigError::Wrong { file: file.to_owned(), why }
    })
}

/// From serde's "unknown field `sever`, expected one of `server`, `person`": the known name next to the unknown one.
fn did_you_mean(message: &str) -> Option<&str> {
    let rest = message.strip_prefix("unknown ")?;
    let mut names = rest.split('`').skip(1).step_by(2);
    nearest(names.next()?, names)
}

/// The known word that is at most two slips away, or a third of the word's length.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let far = (word.chars().count() / 3).max(2);
    let with_distance = known.into_iter().map(|name| (distance(word, name), name));
    with_distance.filter(|(slips, _)| *slips <= far).min_by_key(|(slips, _)| *slips).map(|(_, name)| name)
}

/// Levenshtein's: letters put in, left out or replaced.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = corner + usize::from(from != *to);
            corner = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(corner + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[derive(Debug, Default, serde::Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Section {
        server: String,
        person: String,
    }

    fn written(text: &str, mode: u32) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("dock.toml");
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        (folder, file)
    }

    #[test]
    fn a_slip_of_the_pen_is_named_with_its_line() {
        let (_folder, file) = written("person = \"sarah\"\nsevrer = \"http://x\"\n", 0o600);
        let said = read::<Section>(&file).unwrap_err().to_string();
        assert!(said.contains("line 2") && said.contains("did you mean `server`?"), "{said}");
        let (_folder, file) = written("server = \"u\"\nperson = \"p\"\n", 0o600);
        let section = read::<Section>(&file).unwrap();
        assert_eq!((section.server.as_str(), section.person.as_str()), ("u", "p"));
        assert!(read_or_default::<Section>(Path::new("/nowhere/dock.toml")).is_ok());
    }

    #[test]
    fn a_secret_that_others_can_read_is_refused() {
        let (_folder, file) = written(" token\n", 0o600);
        assert_eq!(secret(&file).unwrap().as_str(), "token");
        let (_folder, file) = written("token", 0o644);
        assert!(matches!(secret(&file), Err(ConfigError::Open { .. })));
    }

    #[test]
    fn the_nearest_name() {
        for (typed, known, found) in [
            ("sevrer", &["server", "person"][..], Some("server")),
            ("thme", &["theme", "keys"], Some("theme")),
            ("xyz", &["server", "person"], None),
        ] {
            assert_eq!(nearest(typed, known.iter().copied()), found, "{typed}");
        }
    }
}
