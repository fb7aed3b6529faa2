//! A leaf's place in the log, as one file: C2SP tlog-proof.
//!
//! Never: the format's `extra` line, which nothing signs; a byte that may change without being noticed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::merkle::Hash;
use super::note;

/// No tree of 2^64 leaves has a longer path.
pub const HASHES_MAX: usize = 64;
const HEAD: &str = "c2sp.org/tlog-proof@v1";

/// What a tlog-proof holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof<'a> {
    pub index: u64,
    pub hashes: Vec<Hash>,
    /// The signed note, verbatim. The reader checks it with [`note::open`].
    pub checkpoint: &'a str,
}

/// The bytes are no tlog-proof in the one form that Dock writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a well-formed tlog-proof")]
pub struct NotAProof;

/// The text of a proof.
pub fn write(index: u64, hashes: &[Hash], checkpoint: &str) -> String {
    format!("{HEAD}\nindex {index}\n{}\n{checkpoint}", hash_lines(hashes))
}

/// Reads a proof, strictly.
pub fn parse(bytes: &[u8]) -> Result<TlogProof<'_>, NotAProof> {
    let text = std::str::from_utf8(bytes).map_err(|_| NotAProof)?;
    let (head, checkpoint) = text.split_once("\n\n").ok_or(NotAProof)?;
    let mut lines = head.split('\n');
    if lines.next() != Some(HEAD) {
        return Err(NotAProof);
    }
    let index = lines.next().and_then(|line| line.strip_prefix("index ")).and_then(note::plain_number);
    let hashes = lines.map(note::hash).collect::<Option<Vec<Hash>>>().ok_or(NotAProof)?;
    if hashes.len() > HASHES_MAX {
        return Err(NotAProof);
    }
    Ok(TlogProof { index: index.ok_or(NotAProof)?, hashes, checkpoint })
}

/// One base64 hash a line, as in `consistency/SIZE`.
pub fn hash_lines(hashes: &[Hash]) -> String {
    hashes.iter().map(|hash| STANDARD.encode(hash) + "\n").collect()
}

/// Reads what [`hash_lines`] writes.
pub fn parse_hash_lines(bytes: &[u8]) -> Result<Vec<Hash>, NotAProof> {
    let text = std::str::from_utf8(bytes).map_err(|_| NotAProof)?;
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let lines = text.strip_suffix('\n').ok_or(NotAProof)?.split('\n');
    let hashes = lines.map(note::hash).collect::<Option<Vec<Hash>>>().ok_or(NotAProof)?;
    if hashes.len() > HASHES_MAX { Err(NotAProof) } else { Ok(hashes) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::audit::merkle;

    #[test]
    fn the_vector_holds() {
        let all: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/vectors/record.json")).unwrap();
        let text = all["tlog_proof"]["text"].as_str().unwrap();
        let proof = parse(text.as_bytes()).unwrap();
        let log: note::VerifierKey = all["note"]["log_vkey"].as_str().unwrap().parse().unwrap();
        let head = note::open(proof.checkpoint.as_bytes(), &log, &[]).unwrap().checkpoint;
        let leaf = merkle::leaf_hash(all["tlog_proof"]["leaf_utf8"].as_str().unwrap().as_bytes());
        assert_eq!(merkle::check_inclusion(proof.index, head.size, leaf, &proof.hashes, &head.root), Ok(()));
        assert_eq!(write(proof.index, &proof.hashes, proof.checkpoint), text);
    }

    #[test]
    fn other_forms_are_refused() {
        let good = write(0, &[[1; 32]], "note");
        assert!(parse(good.as_bytes()).is_ok());
        for bad in [
            good.replace("@v1", "@v2"),
            good.replace("index 0", "index 00"),
            good.replace("index 0", "index 0\nextra AA=="),
            good.replace("AQE=", "AQF="),
            good.replace("\n\n", "\n"),
            String::new(),
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(index: u64, hashes in prop::collection::vec(any::<[u8; 32]>(), 0..9)) {
            let text = write(index, &hashes, "note");
            prop_assert_eq!(parse(text.as_bytes()), Ok(TlogProof { index, hashes: hashes.clone(), checkpoint: "note" }));
            prop_assert_eq!(parse_hash_lines(hash_lines(&hashes).as_bytes()), Ok(hashes));
        }
    }
}
