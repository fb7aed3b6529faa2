//! `dock init` writes a commented config.
//!
//! Never: overwrites one.

use std::{fs, io::Write, os::unix::fs::OpenOptionsExt};

use super::{
    Globals,
    exit::{Code, Failure, Outcome},
    out,
    person::Person,
};
use crate::client::{Signer, signer::SignError};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dock init --server https://dock.example.com --person sarah\n  dock init --backend ./dock --org example.com --person govind \\\n      --reviewer sarah=sarah.pub --argocd https://argocd.example.com"
)]
pub(super) struct Init {
    /// Who you are to the server; with --backend, its first administrator.
    #[arg(long, value_name = "NAME")]
    pub(super) person: Option<crate::row::PrincipalId>,
    /// Lay down a backend of your own in this folder instead: keys, config, the signed beginning of its record.
    #[arg(long, value_name = "DIR")]
    backend: Option<std::path::PathBuf>,
    /// The team's domain, for --backend: it stands in every signature.
    #[arg(long, value_name = "DOMAIN")]
    pub(super) org: Option<String>,
    /// Somebody who decides, for --backend: a name and the file of their public key. May be repeated.
    #[arg(long, value_name = "NAME=FILE")]
    pub(super) reviewer: Vec<String>,
    /// Where ArgoCD is, for --backend.
    #[arg(long, value_name = "URL")]
    pub(super) argocd: Option<String>,
}

pub(super) fn init(globals: &Globals, args: &Init) -> Outcome {
    if let Some(dir) = &args.backend {
        return super::founding::backend(globals, args, dir);
    }
    let person = Person::open(globals)?;
    let file = person.home.settings_file();
    if globals.config.is_none() {
        person.home.config_folder()?;
    }
    let text = settings_text(
        person.settings.server.as_deref(),
        args.person.as_ref().map(ToString::to_string).as_deref(),
    );
    let mut options = fs::OpenOptions::new();
    let mut opened = options.write(true).create_new(true).mode(0o600).open(&file).map_err(|error| {
        let hint = if error.kind() == std::io::ErrorKind::AlreadyExists {
            "\nhint: edit it; nothing was changed"
        } else {
            ""
        };
        Failure::failed(format!("{}: {error}{hint}", file.display()))
    })?;
    opened.write_all(text.as_bytes())?;
    out::line(format!("Wrote {}.", file.display()));
    match Signer::agent_keys() {
        Ok(keys) if !keys.is_empty() => {
            out::line("Keys in ssh-agent that can sign; an administrator enrols one for you:");
            for (key, comment) in &keys {
                out::line(format!("  {} {} {}", key.key_type(), key.fingerprint(), out::safe(comment)));
            }
        }
        Ok(_) | Err(SignError::NoAgent) => {
            out::line("No key is in ssh-agent yet: ssh-keygen -t ed25519-sk, then ssh-add.");
        }
        Err(error) => out::remark(&error.to_string()),
    }
    Ok(Code::Done)
}

/// The whole file with everything in it as a comment, but for what was said.
fn settings_text(server: Option<&str>, person: Option<&str>) -> String {
    let line = |name: &str, value: Option<&str>, example: &str| match value {
        Some(value) => format!("{name} = {value:?}\n"),
        None => format!("# {name} = {example:?}\n"),
    };
    format!(
        "# Dock's console and commands. Every line can be left out.\n\n# The backend.\n{}\n# Who you are to it.\n{}\n\
         # The log's verifier key, from whoever runs the server. Without it the first one seen is kept.\n\
         # log_key = \"example.com/dock+1a2b3c4d+AQ…\"\n\n\
         # \"agent\": the best key in ssh-agent; \"SHA256:…\": that one; or a file with a passphrase.\n# key = \"agent\"\n\n\
         # A decision signed in the console rests so long and can be taken back; 0 to 60.\n# leave_after_s = 10\n\n\
         # terminal, dark, light, night, mono, or a file in themes/ beside this one.\n# theme = \"terminal\"\n\n\
         # [page]\n# by = \"bell\"            # off, osc9, osc777, osc99, command\n\n\
         # [views]\n# payments = \"service:payments-api env:prod\"\n\n\
         # [keys.decide]\n# approve = [\"A\"]\n",
        line("server", server, "https://dock.example.com"),
        line("person", person, "sarah"),
    )
}
