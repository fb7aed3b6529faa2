//! A platform's token, from the environment or from a file that only its owner can read.
//!
//! Never: a token in the config itself, in a message, or in debug output.

use std::path::{Path, PathBuf};

use reqwest::header::HeaderValue;
use zeroize::Zeroizing;

use super::{Failure, Platform, PlatformError};

/// Where a section says its token is: exactly one of the two.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) env: Option<&'a str>,
    pub(super) file: Option<&'a PathBuf>,
}

/// The token, or `None` where the section names none.
pub(super) fn read(platform: Platform, place: Place<'_>) -> Result<Option<Zeroizing<String>>, PlatformError> {
    read_named(platform, "token", place)
}

/// As [`read`], for a secret that the section calls `name`, as in `api_key`.
pub(super) fn read_named(
    platform: Platform,
    name: &str,
    place: Place<'_>,
) -> Result<Option<Zeroizing<String>>, PlatformError> {
    let found = match (place.env, place.file) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => Err(format!("both {name}_env and {name}_file are given")),
        (Some(name), None) => from_environment(name),
        (None, Some(file)) => from_file(file),
    };
    let token = found.map_err(|why| setup(platform, &why))?;
    if token.is_empty() {
        return Err(setup(platform, &format!("the {name} is empty")));
    }
    Ok(Some(token))
}

/// A header of `prefix` and the token, marked so that no log prints it.
pub(super) fn header(platform: Platform, prefix: &str, token: &str) -> Result<HeaderValue, PlatformError> {
    let whole = Zeroizing::new(format!("{prefix}{token}"));
    let mut value = HeaderValue::from_str(&whole)
        .map_err(|_| setup(platform, "the token has characters that no header can carry"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn from_environment(name: &str) -> Result<Zeroizing<String>, String> {
    #[expect(clippy::disallowed_methods, reason = "a section names the variable that holds its secret")]
    let found = std::env::var(name);
    found
        .map(|token| Zeroizing::new(token.trim().to_owned()))
        .map_err(|_| format!("the environment variable {name} is not set"))
}

fn from_file(file: &Path) -> Result<Zeroizing<String>, String> {
    let shown = file.display();
    let facts = std::fs::metadata(file).map_err(|error| format!("{shown}: {error}"))?;
    if readable_by_others(&facts) {
        return Err(format!("{shown} can be read by others; chmod 600 it"));
    }
    let text = std::fs::read_to_string(file).map_err(|error| format!("{shown}: {error}"))?;
    Ok(Zeroizing::new(Zeroizing::new(text).trim().to_owned()))
}

#[cfg(unix)]
fn readable_by_others(facts: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    facts.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn readable_by_others(_: &std::fs::Metadata) -> bool {
    false
}

fn setup(platform: Platform, why: &str) -> PlatformError {
    PlatformError::new(platform, "its token", Failure::Setup, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "abc\n").unwrap();
        let place = Place { env: None, file: Some(&file) };
        let check = |mode: u32, good: bool| {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(read(Platform::ArgoCd, place).is_ok(), good, "{mode:o}");
        };
        check(0o600, true);
        check(0o400, true);
        check(0o640, false);
        check(0o604, false);
        let token = read(Platform::ArgoCd, place).err().map(|error| error.said).unwrap_or_default();
        assert!(token.contains("chmod 600"), "{token}");
    }

    #[test]
    fn both_places_or_a_missing_variable_are_told() {
        let file = PathBuf::from("/nonexistent/token");
        let both = Place { env: Some("DOCK_NO_SUCH_TOKEN"), file: Some(&file) };
        assert!(read(Platform::GitHub, both).unwrap_err().said.contains("both"));
        let missing = Place { env: Some("DOCK_NO_SUCH_TOKEN"), file: None };
        assert!(read(Platform::GitHub, missing).unwrap_err().said.contains("DOCK_NO_SUCH_TOKEN is not set"));
        assert_eq!(read(Platform::GitHub, Place { env: None, file: None }).unwrap(), None);
    }
}
