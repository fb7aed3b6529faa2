//! The log's signed head, and its copy outside the database by which a restored database is found out.
//!
//! Never: a head signed that is not durable; a file replaced by an older head.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::sync::Mutex;

use crate::{
    audit::note::{self, KeyUse, NoteKey},
    config,
    row::Digest,
    stop_point,
    store::{Store, StoreError},
};

/// The key that signs heads, and the newest that it signed.
pub(super) struct Record {
    key: NoteKey,
    file: PathBuf,
    newest: Arc<Mutex<Option<Signed>>>,
}

/// A signed head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signed {
    pub(super) size: u64,
    pub(super) note: String,
}

/// Why there is no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    #[error(transparent)]
    Config(#[from] config::ConfigError),
    #[error("{}: the log's key is 32 bytes in hex", .0.display())]
    Key(PathBuf),
    #[error("the checkpoint {}: {why}", file.display())]
    Checkpoint { file: PathBuf, why: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Record {
    /// Reads the log's key; asks for no database yet.
    pub(super) fn open(origin: &str, key_file: &Path, file: &Path) -> Result<Self, RecordError> {
        let wrong = || RecordError::Key(key_file.to_owned());
        let seed: Digest = config::secret(key_file)?.parse().map_err(|_| wrong())?;
        let key = NoteKey::from_seed(origin, KeyUse::Log, &seed.0).map_err(|_| wrong())?;
        Ok(Self { key, file: file.to_owned(), newest: Arc::default() })
    }

    pub(super) fn key(&self) -> &note::VerifierKey {
        self.key.public()
    }

    /// The head of everything that is durable now, signed.
    pub(super) async fn newest(&self, store: &dyn Store) -> Result<Signed, RecordError> {
        let size = *store.grown().borrow();
        self.at(store, size).await
    }

    /// The head of the first `size` entries, signed. The newest one is in the file before it is given out. Whoever asked may
    /// go meanwhile: what writes the file keeps the others waiting until it is done.
    pub(super) async fn at(&self, store: &dyn Store, size: u64) -> Result<Signed, RecordError> {
        let mut newest = Arc::clone(&self.newest).lock_owned().await;
        if let Some(kept) = newest.as_ref().filter(|kept| kept.size == size) {
            return Ok(kept.clone());
        }
        let signed = Signed { size, note: self.key.sign(size, store.root(size).await?) };
        stop_point::reach("checkpoint.signed");
        if newest.as_ref().is_none_or(|kept| kept.size < size) {
            let (file, signed) = (self.file.clone(), signed.clone());
            let kept = tokio::task::spawn_blocking(move || {
                keep(&file, &signed.note)?;
                stop_point::reach("checkpoint.kept");
                *newest = Some(signed);
                Ok::<_, std::io::Error>(())
            });
            let wrong = |why: String| RecordError::Checkpoint { file: self.file.clone(), why };
            kept.await
                .map_err(|error| wrong(error.to_string()))?
                .map_err(|error| wrong(error.to_string()))?;
        }
        Ok(signed)
    }

    /// Whether the database holds what was signed last; if not, why nothing may be written.
    pub(super) async fn behind(&self, store: &dyn Store) -> Result<Option<String>, RecordError> {
        let wrong = |why: String| RecordError::Checkpoint { file: self.file.clone(), why };
        let text = match fs::read(&self.file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(|error| wrong(error.to_string()))?,
        };
        let opened = note::open(&text, self.key.public(), &[]).map_err(|error| wrong(error.to_string()))?;
        let (size, root) = (opened.checkpoint.size, opened.checkpoint.root);
        let has = store.head().await?.size;
        if has < size {
            return Ok(Some(format!(
                "the database ends at entry {has}, but {size} were signed: it was restored or lost its end"
            )));
        }
        let same = store.root(size).await? == root;
        Ok((!same)
            .then(|| format!("the database holds another history than the {size} entries that were signed")))
    }
}

/// Written beside, fsynced, renamed, the folder fsynced: the file is the old head or the new one.
fn keep(file: &Path, text: &str) -> std::io::Result<()> {
    let beside = file.with_extension("new");
    let mut out = fs::File::create(&beside)?;
    out.write_all(text.as_bytes())?;
    out.sync_all()?;
    fs::rename(&beside, file)?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(folder)?.sync_all()
}
