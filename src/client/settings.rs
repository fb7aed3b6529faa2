//! `console.toml`: which server, who one is, with which key, and how the console looks and behaves.
//!
//! Never: a secret. The key is in ssh-agent or in a file of its own.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;

use crate::{clock::Clock, row::PrincipalId};

/// The whole file; everything has a default.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// `https://dock.example.com`.
    pub server: Option<String>,
    pub person: Option<PrincipalId>,
    /// The log's verifier key (C2SP). Without it the first one that the server names is kept.
    pub log_key: Option<String>,
    /// `agent`, `SHA256:…` for one of the agent's keys, or a path.
    pub key: String,
    /// A decision signed in the console rests this long and can be taken back; 0 to 60.
    pub leave_after_s: u32,
    pub read_only: bool,
    /// Blobs in the cache beyond this many bytes are dropped, oldest use first.
    pub cache_bytes_max: u64,
    pub theme: Option<String>,
    pub dark: Option<String>,
    pub light: Option<String>,
    /// `none`: nothing moves by itself.
    pub motion: Option<String>,
    /// `braille`, `half`, `blocks`, `ascii`, `table`.
    pub charts: Option<String>,
    /// `off`, `wheel`, `on`.
    pub mouse: Option<String>,
    pub page: Page,
    /// Name → filter.
    pub views: BTreeMap<String, String>,
    /// Context → command → keys; checked by the console against its table of bindings.
    pub keys: BTreeMap<String, toml::Value>,
    /// Seconds that this clock is moved by: the demo and the tests.
    pub clock_offset_file: Option<PathBuf>,
}

/// How the console calls when it is not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Page {
    /// `bell`, `off`, `osc9`, `osc777`, `osc99`, `command`.
    pub by: String,
    pub command: Option<String>,
    /// `22:00-06:00`.
    pub quiet: Option<String>,
    /// A filter: what calls in quiet hours too.
    pub except: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            server: None,
            person: None,
            log_key: None,
            key: Self::KEY_AGENT.to_owned(),
            leave_after_s: 10,
            read_only: false,
            cache_bytes_max: 256 * 1024 * 1024,
            theme: None,
            dark: None,
            light: None,
            motion: None,
            charts: None,
            mouse: None,
            page: Page::default(),
            views: BTreeMap::new(),
            keys: BTreeMap::new(),
            clock_offset_file: None,
        }
    }
}

impl Default for Page {
    fn default() -> Self {
        Self { by: "bell".to_owned(), command: None, quiet: None, except: None }
    }
}

impl Settings {
    pub const KEY_AGENT: &'static str = "agent";
    pub const LEAVE_AFTER_S_MAX: u32 = 60;

    pub fn clock(&self) -> Clock {
        self.clock_offset_file.clone().map_or_else(Clock::system, Clock::with_offset_file)
    }

    /// How long a signed decision rests.
    pub fn leave_after(&self) -> jiff::SignedDuration {
        jiff::SignedDuration::from_secs(i64::from(self.leave_after_s.min(Self::LEAVE_AFTER_S_MAX)))
    }

    /// The server on this machine: what the demo's plain keys are bound to.
    pub fn loopback(&self) -> bool {
        self.server.as_deref().is_some_and(loopback)
    }
}

/// The text of a `console.toml` with this theme in it: one value replaced, or one line added; every other byte stays.
/// `None` where the text is not read the same way afterwards.
pub fn with_theme(text: &str, theme: &str) -> Option<String> {
    let table = toml::de::DeTable::parse(text).ok()?;
    let value = serde_json::Value::String(theme.to_owned()).to_string();
    let known = table.get_ref().get("theme").map(toml::Spanned::span);
    // A line at the top of the file belongs to no section, whatever comes below; the comments there stay first.
    let top: usize = text.split_inclusive('\n').take_while(|line| line.starts_with('#')).map(str::len).sum();
    let edited = match known {
        Some(at) => format!("{}{value}{}", text.get(..at.start)?, text.get(at.end..)?),
        None if top > 0 && !text[..top].ends_with('\n') => format!("{text}\ntheme = {value}\n"),
        None => format!("{}theme = {value}\n{}", &text[..top], &text[top..]),
    };
    let mut wanted: toml::Table = toml::from_str(text).ok()?;
    wanted.insert("theme".to_owned(), toml::Value::String(theme.to_owned()));
    (toml::from_str::<toml::Table>(&edited).ok()? == wanted).then_some(edited)
}

/// Whether a URL names this machine, by its host alone.
pub fn loopback(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    if authority.contains('@') {
        return false;
    }
    let host = match authority.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or(""),
        None => authority.split(':').next().unwrap_or(""),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_theme_is_one_value_and_the_rest_of_the_file_stays() {
        for (before, after) in [
            ("", "theme = \"night\"\n"),
            ("# mine", "# mine\ntheme = \"night\"\n"),
            (
                "# mine\n\nserver = \"u\" # here\n[page]\nby = \"off\"\n",
                "# mine\ntheme = \"night\"\n\nserver = \"u\" # here\n[page]\nby = \"off\"\n",
            ),
            (
                "theme   =  'dark'   # for the day\nkey = \"agent\"",
                "theme   =  \"night\"   # for the day\nkey = \"agent\"",
            ),
            (
                "[page]\nby = \"\"\"\ntheme = \"no\"\"\"\"\n",
                "theme = \"night\"\n[page]\nby = \"\"\"\ntheme = \"no\"\"\"\"\n",
            ),
        ] {
            assert_eq!(with_theme(before, "night").as_deref(), Some(after));
            let again = with_theme(after, "a \"b\"").unwrap();
            assert_eq!(toml::from_str::<toml::Table>(&again).unwrap()["theme"].as_str(), Some("a \"b\""));
        }
        assert_eq!(with_theme("theme = ", "night"), None, "what is not TOML is left alone");
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for (url, here) in [
            ("http://127.0.0.1:80", true),
            ("http://localhost:80/x", true),
            ("http://[::1]:80", true),
            ("http://127.0.0.1.example.com", false),
            ("http://127.0.0.1@example.com", false),
            ("https://dock.example.com", false),
            ("127.0.0.1", false),
        ] {
            assert_eq!(loopback(url), here, "{url}");
        }
    }
}
