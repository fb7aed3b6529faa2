//! The person who types: their home, settings, files, key and session, each opened when first needed.
//!
//! Never: the network for a command that can do without; a question where nobody sits at a terminal.

use std::{
    collections::HashSet,
    io::{self, IsTerminal, Read as _, Write},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use zeroize::Zeroizing;

use super::{
    Globals,
    exit::{Code, Failure},
    out,
};
use crate::{
    audit::{
        admin::{AdminChange, AdminStatement},
        note,
        statement::Seen,
    },
    client::{
        Api, Cache, Cached, Exchange, Home, Me, Outbox, Pulled, Pushed, Settings, Signer, SyncError,
        decide::new_id,
        outbox::{Entry, Fate, Head},
        session,
        signer::DEMO_ORG,
    },
    clock::Clock,
    row::{Digest, PrincipalId, RowId, id::NotAnId},
    wire::{self, SignedDecision},
};

/// How long a command waits for another program that is sending before it says "queued".
const OTHER_SENDER_WAITS: u32 = 50;
/// A clock that is further off than this is told.
const CLOCK_OFF_MIN: SignedDuration = SignedDuration::from_secs(60);
/// The longest passphrase.
const SECRET_BYTES_MAX: usize = 1024;
const OTHER_SENDER_PAUSE: Duration = Duration::from_millis(100);

pub(crate) struct Person {
    pub(crate) home: Home,
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) globals: Globals,
}

impl Person {
    pub(crate) fn open(globals: &Globals) -> Result<Self, Failure> {
        Self::at(globals, Home::find()?)
    }

    /// The person whose home this is.
    pub(crate) fn at(globals: &Globals, mut home: Home) -> Result<Self, Failure> {
        if let Some(file) = &globals.config {
            home = home.with_settings_file(file.clone());
        }
        let mut settings = home.settings()?;
        if let Some(server) = &globals.server {
            settings.server = Some(server.clone());
        }
        settings.read_only |= globals.read_only;
        if let Some(theme) = &globals.theme {
            settings.theme = Some(theme.clone());
        }
        let clock = settings.clock();
        Ok(Self { home, settings, clock, globals: globals.clone() })
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn id(&self) -> Result<PrincipalId, Failure> {
        Ok(session::person(&self.settings)?)
    }

    pub(crate) fn outbox(&self) -> Result<Outbox, Failure> {
        self.home.state_folder()?;
        Ok(Outbox::open(&self.home.outbox_file())?)
    }

    /// The cache; a damaged one is made anew, and that is said.
    pub(crate) fn cache(&self) -> Result<Cache, Failure> {
        self.home.cache_folder()?;
        let (cache, remark) = Cache::open(&self.home.cache_file())?;
        self.remark(remark.as_deref());
        Ok(cache)
    }

    pub(super) fn remark(&self, words: Option<&str>) {
        if let Some(words) = words.filter(|_| !self.globals.quiet) {
            out::remark(words);
        }
    }

    pub(crate) fn api(&self) -> Result<Api, Failure> {
        Ok(session::connect(&self.home, &self.settings)?)
    }

    /// The team's domain, as the log's key or the last sync names it.
    pub(crate) fn org(&self, cache: &Cache, outbox: &Outbox) -> Result<String, Failure> {
        let of_key = |key: &str| key.split("/dock+").next().map(str::to_owned);
        if let Some(org) = self.settings.log_key.as_deref().and_then(of_key) {
            return Ok(org);
        }
        if let Some(org) = outbox.fact("log_key")?.as_deref().and_then(of_key) {
            return Ok(org);
        }
        let known = cache.as_of()?.map(|as_of| as_of.org);
        known.ok_or_else(|| {
            Failure::new(Code::Away, "this home has never spoken to its server\nhint: `dock sync --once`")
        })
    }

    /// Plain demo keys sign, and scripts may approve unseen: only for the demo's own people on its own server.
    pub(crate) fn in_demo(&self, org: &str) -> bool {
        org == DEMO_ORG && self.settings.loopback()
    }

    pub(crate) fn signer(&self, org: &str, cache: Option<&Cache>) -> Result<Signer, Failure> {
        let known: Option<wire::Me> = cache.and_then(|cache| cache.fact("me").ok().flatten());
        let known: Vec<_> = known.into_iter().flat_map(|me| me.keys).map(|key| key.fingerprint).collect();
        Ok(Signer::open(&self.settings, org, &known, &mut ask_secret)?)
    }

    /// Who decides, as far as this home knows.
    pub(crate) fn me(&self, cache: &Cache, org: &str) -> Result<Me, Failure> {
        let known: Option<wire::Me> = cache.fact("me")?;
        Ok(Me::of(self.id()?, org, known))
    }

    /// Signs in with the key and keeps the token.
    pub(crate) async fn sign_in(&self) -> Result<Api, Failure> {
        let api = self.api()?;
        let org =
            self.settings.log_key.as_deref().and_then(|key| key.split("/dock+").next()).unwrap_or_default();
        // Without a pinned key the challenge says the organisation; the plain-key rule needs it only for the demo.
        let org = if org.is_empty() { api.challenge(&self.id()?).await?.org } else { org.to_owned() };
        let signer = self.signer(&org, None)?;
        let session = session::login(&self.home, &self.settings, &api, &signer).await?;
        Ok(api.with_token(Zeroizing::new(session.token)))
    }

    /// The server, signed in: by the kept token, else by the key.
    pub(crate) async fn online(&self) -> Result<Api, Failure> {
        let api = self.api()?;
        if api.has_token() { Ok(api) } else { self.sign_in().await }
    }

    pub(crate) fn exchange<'a>(&'a self, api: &'a Api, outbox: &'a Outbox) -> Exchange<'a> {
        Exchange {
            api,
            outbox,
            clock: &self.clock,
            log_key: self.settings.log_key.as_deref(),
            cache_bytes_max: self.settings.cache_bytes_max,
        }
    }

    /// Reads what changed; signs in by itself where the session has ended.
    pub(crate) async fn pull(
        &self,
        outbox: &Outbox,
        cache: &mut Cache,
        wait: Duration,
    ) -> Result<Pulled, Failure> {
        let api = self.online().await?;
        let pulled = match self.exchange(&api, outbox).pull(cache, wait).await {
            Err(error) if error.signed_out() => {
                let api = self.sign_in().await?;
                self.exchange(&api, outbox).pull(cache, wait).await?
            }
            other => other?,
        };
        if pulled.whole {
            self.keep_me(cache).await;
        }
        self.remark(clock_off(pulled.as_of, self.now()).as_deref());
        Ok(pulled)
    }

    /// Who one is to the server, for deciding without it. Best effort.
    pub(crate) async fn keep_me(&self, cache: &Cache) {
        if let Ok(api) = self.online().await
            && let Ok(me) = api.me().await
        {
            let _ = cache.keep_fact("me", &me);
        }
    }

    /// Delivers what is due. Needs no session: each decision authenticates itself.
    pub(crate) async fn push(&self, outbox: &Outbox) -> Result<Pushed, Failure> {
        let api = match self.online().await {
            Ok(api) => api,
            Err(failure) if failure.code == Code::NoKey => self.api()?,
            Err(failure) if failure.code == Code::Away => {
                let waiting = outbox.unsent()?;
                let next_at = waiting.iter().map(|entry| entry.next_at).min();
                let away = Some(failure.words);
                return Ok(Pushed { away, waiting: waiting.len(), next_at, ..Pushed::default() });
            }
            Err(failure) => return Err(failure),
        };
        Ok(self.exchange(&api, outbox).push().await?)
    }

    /// The same, waiting a little for another program that is sending.
    pub(crate) async fn push_in_turn(&self, outbox: &Outbox) -> Result<Pushed, Failure> {
        for _ in 0..OTHER_SENDER_WAITS {
            let pushed = self.push(outbox).await?;
            if !pushed.other_sender || outbox.unsent()?.is_empty() {
                return Ok(pushed);
            }
            tokio::time::sleep(OTHER_SENDER_PAUSE).await;
        }
        let waiting = outbox.unsent()?.len();
        Ok(Pushed { waiting, other_sender: true, ..Pushed::default() })
    }

    /// Delivers one decision; what it came to, and why not yet.
    pub(crate) async fn deliver(
        &self,
        outbox: &Outbox,
        entry: &Entry,
    ) -> Result<(Entry, Option<String>), Failure> {
        let pushed = self.push_in_turn(outbox).await?;
        let now = outbox.get(&entry.id)?.unwrap_or_else(|| entry.clone());
        let busy = pushed.other_sender.then(|| "another dock is sending".to_owned());
        Ok((now, pushed.away.or(busy)))
    }

    /// The proofs of what was accepted. Best effort, but a proof that fails is told.
    pub(crate) async fn receipts(&self, outbox: &Outbox) -> Result<(), Failure> {
        let Ok(api) = self.online().await else { return Ok(()) };
        match self.exchange(&api, outbox).fetch_receipts().await {
            Err(error @ SyncError::RecordBroken { .. }) => Err(error.into()),
            Err(_) | Ok(_) => Ok(()),
        }
    }

    /// Makes this home's witness key known, once: signed with the reviewer's own key. Best effort; without it the
    /// heads that this home saw count for nobody else.
    pub(crate) async fn enrol_witness(&self, outbox: &Outbox, cache: &Cache) {
        if let Err(failure) = self.try_enrol_witness(outbox, cache).await {
            tracing::debug!(why = failure.words, "the witness key is not enrolled");
        }
    }

    async fn try_enrol_witness(&self, outbox: &Outbox, cache: &Cache) -> Result<(), Failure> {
        const ENROLLED: &str = "witness_enrolled";
        if outbox.fact(ENROLLED)?.is_some() {
            return Ok(());
        }
        let Some(head) = outbox.head()? else { return Ok(()) };
        let org = self.org(cache, outbox)?;
        // Nobody is asked for a passphrase, or a touch, for this.
        let signer = Signer::open(&self.settings, &org, &[], &mut |_| None)?;
        if signer.proves_touch() {
            return Ok(());
        }
        let api = self.online().await?;
        let exchange = self.exchange(&api, outbox);
        let key = exchange.witness_key()?.public().clone();
        let change = AdminChange::WitnessEnrolled { person: self.id()?, key };
        api.enrol_witness(&self.statement(&org, &head, &signer, change)?).await?;
        Ok(outbox.keep_fact(ENROLLED, &self.now().to_string())?)
    }

    /// An administrative change, signed over the newest head of the record.
    pub(crate) async fn signed_change(&self, change: AdminChange) -> Result<SignedDecision, Failure> {
        let (outbox, mut cache) = (self.outbox()?, self.cache()?);
        self.pull(&outbox, &mut cache, Duration::ZERO).await?;
        let org = self.org(&cache, &outbox)?;
        let head =
            outbox.head()?.ok_or_else(|| Failure::new(Code::Away, "no head of the record is known here"))?;
        let signer = self.signer(&org, Some(&cache))?;
        self.statement(&org, &head, &signer, change)
    }

    fn statement(
        &self,
        org: &str,
        head: &Head,
        signer: &Signer,
        change: AdminChange,
    ) -> Result<SignedDecision, Failure> {
        let seen =
            note::read_unchecked(head.note.as_bytes()).map_err(|error| Failure::failed(error.to_string()))?;
        let purpose = change.purpose();
        let statement = AdminStatement {
            org: org.to_owned(),
            id: new_id(self.now())?,
            by: self.id()?,
            made_at: self.now(),
            seen: Seen { origin: seen.origin, root: Digest(seen.root), size: seen.size },
            change,
        };
        let bytes = statement.to_bytes();
        let signature = signer.sign(purpose, org, &bytes)?;
        Ok(SignedDecision { statement: String::from_utf8_lossy(&bytes).into_owned(), signature })
    }

    /// `sync-8822`, `sync_8822`, or a prefix that only one row has.
    pub(crate) fn row_id(typed: &str, cache: &Cache) -> Result<RowId, Failure> {
        let wrong = match typed.parse::<RowId>() {
            Ok(id) if cache.ids()?.contains(&id) || cache.as_of()?.is_none() => return Ok(id),
            Ok(id) => Ok(id),
            Err(error) => Err(error),
        };
        let prefix = typed.replace('_', "-");
        let found: Vec<_> =
            cache.ids()?.into_iter().filter(|id| id.to_string().starts_with(&prefix)).collect();
        match (found.as_slice(), wrong) {
            ([one], _) => Ok(*one),
            // Not cached: the server may know it.
            ([], Ok(id)) => Ok(id),
            ([], Err(NotAnId(text))) => Err(NotAnId(text).into()),
            (many, _) => {
                let names: Vec<_> = many.iter().take(12).map(ToString::to_string).collect();
                Err(Failure::usage(format!("`{}` may be {}", out::safe(typed), names.join(", "))))
            }
        }
    }

    /// The row as it stands: from the server, else from the cache with a remark.
    pub(crate) async fn row(&self, outbox: &Outbox, cache: &mut Cache, id: RowId) -> Result<Read, Failure> {
        match self.read_row(outbox, cache, id).await {
            Ok(cached) => Ok(Read { cached, offline: None }),
            Err(failure) if failure.code == Code::Away => {
                let cached = cache.row(id, self.now())?.ok_or_else(|| failure.clone())?;
                Ok(Read { cached, offline: Some(failure.words) })
            }
            Err(failure) => Err(failure),
        }
    }

    async fn read_row(&self, outbox: &Outbox, cache: &mut Cache, id: RowId) -> Result<Cached, Failure> {
        // The feed first: it brings the head of the record, which a decision names.
        self.pull(outbox, cache, Duration::ZERO).await?;
        let view = self.online().await?.row(id).await.map_err(|error| {
            if error.not_found() { Failure::nothing(format!("no row {id}")) } else { error.into() }
        })?;
        cache.put(&view, self.now())?;
        Ok(Cached::of(view))
    }

    /// The rows on which a decision waits unsent.
    pub(crate) fn unsent(&self) -> Result<HashSet<RowId>, Failure> {
        if !self.home.outbox_file().exists() {
            return Ok(HashSet::new());
        }
        let unsent = self.outbox()?.unsent()?.into_iter().filter(|entry| entry.fate != Fate::TakenBack);
        Ok(unsent.map(|entry| entry.row).collect())
    }
}

/// What is wrong with our clock, where it is far from the server's.
fn clock_off(server: Timestamp, ours: Timestamp) -> Option<String> {
    let off = ours.duration_since(server);
    if off.abs() < CLOCK_OFF_MIN {
        return None;
    }
    let side = if off.is_negative() { "behind" } else { "ahead of" };
    Some(format!(
        "this machine's clock is {} {side} the server's, so ages are shown wrong\nhint: set the clock; what lapses goes by the server's",
        out::span(off.as_secs().abs())
    ))
}

/// A row that was read, and why it comes from the cache, where it does.
pub(crate) struct Read {
    pub(crate) cached: Cached,
    pub(crate) offline: Option<String>,
}

/// Runs what talks to the network, on this thread.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::failed(format!("no runtime: {error}")))?.block_on(work)
}

/// One line from the person at the terminal; `None` where there is none.
pub(crate) fn ask(prompt: &str) -> Option<String> {
    if !io::stdin().is_terminal() {
        return None;
    }
    let _ = write!(io::stderr().lock(), "{prompt}").and_then(|()| io::stderr().lock().flush());
    let mut line = String::new();
    match io::stdin().read_line(&mut line) {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(line.trim_end_matches(['\n', '\r']).to_owned()),
    }
}

/// The same without showing what is typed, nor how long it is.
pub(crate) fn ask_secret(prompt: &str) -> Option<Zeroizing<String>> {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
    let input = io::stdin();
    if !input.is_terminal() {
        return None;
    }
    let _ = write!(io::stderr().lock(), "{prompt}").and_then(|()| io::stderr().lock().flush());
    let before = tcgetattr(&input).ok()?;
    let mut silent = before.clone();
    // Signals come as bytes meanwhile, so that no interrupt leaves the terminal silent.
    silent.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
    tcsetattr(&input, OptionalActions::Flush, &silent).ok()?;
    let answer = secret_line(&mut input.lock());
    let _ = tcsetattr(&input, OptionalActions::Now, &before);
    let _ = writeln!(io::stderr().lock());
    answer
}

/// Bytes up to the end of the line; Ctrl+C, Ctrl+D and Esc give up.
fn secret_line(input: &mut impl io::BufRead) -> Option<Zeroizing<String>> {
    const INTERRUPT: u8 = 3;
    const END: u8 = 4;
    const ESCAPE: u8 = 27;
    const DELETE: u8 = 127;
    const BACKSPACE: u8 = 8;
    let mut secret = Zeroizing::new(Vec::with_capacity(SECRET_BYTES_MAX));
    for byte in input.bytes() {
        match byte.ok()? {
            b'\n' | b'\r' => return String::from_utf8(secret.to_vec()).ok().map(Zeroizing::new),
            INTERRUPT | END | ESCAPE => return None,
            DELETE | BACKSPACE => drop(secret.pop()),
            other if secret.len() < SECRET_BYTES_MAX => secret.push(other),
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_typed_corrected_and_given_up() {
        for (typed, secret) in [
            ("open\n", Some("open")),
            ("opem\u{7f}n\r", Some("open")),
            ("\u{8}a\n", Some("a")),
            ("half\u{3}", None),
            ("half\u{4}", None),
            ("no end", None),
        ] {
            let read = secret_line(&mut typed.as_bytes());
            assert_eq!(read.as_ref().map(|text| text.as_str()), secret, "{typed:?}");
        }
    }
}
