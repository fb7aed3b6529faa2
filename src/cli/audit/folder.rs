//! A pack on disk: a folder, or a `.tar` in the ustar form.
//!
//! Never: follows a link, or reads a file beyond the pack.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use super::Failure;
use crate::audit::{pack, verify::Files};

/// The largest archive that is read into memory.
const TAR_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
const BLOCK: usize = 512;

/// A pack that is to be checked.
pub(super) enum Pack {
    Folder(PathBuf),
    Tar(BTreeMap<String, Vec<u8>>),
}

impl Pack {
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let facts = fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?;
        if facts.is_dir() {
            return Ok(Self::Folder(path.to_owned()));
        }
        if facts.len() > TAR_BYTES_MAX {
            return Err(format!("{}: larger than {TAR_BYTES_MAX} bytes", path.display()));
        }
        let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        untar(&bytes).map(Self::Tar).map_err(|why| format!("{}: {why}", path.display()))
    }
}

impl Files for Pack {
    fn each_path(&self, visit: &mut dyn FnMut(&str)) -> Result<(), String> {
        match self {
            Self::Folder(root) => walk(root, "", visit),
            Self::Tar(files) => files.each_path(visit),
        }
    }

    fn read(&self, path: &str) -> Result<Option<Cow<'_, [u8]>>, String> {
        let root = match self {
            Self::Folder(root) => root,
            Self::Tar(files) => return files.read(path),
        };
        let file = root.join(path);
        match fs::symlink_metadata(&file) {
            Ok(facts) if facts.is_file() => {
                fs::read(&file).map(|bytes| Some(Cow::Owned(bytes))).map_err(|error| error.to_string())
            }
            Ok(_) => Err("not a plain file".to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }
}

fn walk(folder: &Path, prefix: &str, visit: &mut dyn FnMut(&str)) -> Result<(), String> {
    let wrong = |error: io::Error| format!("{}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        if entry.file_type().map_err(wrong)?.is_dir() {
            walk(&entry.path(), &path, visit)?;
        } else {
            visit(&path);
        }
    }
    Ok(())
}

/// Refuses a place where something is: a pack is never mixed with another.
pub(super) fn free(out: &Path) -> Result<(), Failure> {
    let taken = match fs::read_dir(out) {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => out.exists(),
    };
    if taken {
        return Err(Failure::usage(format!("{} is there already\nhint: name another --out", out.display())));
    }
    Ok(())
}

pub(super) fn write(out: &Path, files: &pack::Files) -> Result<(), Failure> {
    let unwritable = |error: io::Error| Failure::failed(format!("{}: {error}", out.display()));
    if out.extension().is_some_and(|extension| extension == "tar") {
        return fs::write(out, tar(files)).map_err(unwritable);
    }
    for (path, bytes) in files {
        let file = out.join(path);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).map_err(unwritable)?;
        }
        fs::write(&file, bytes).map_err(unwritable)?;
    }
    Ok(())
}

/// The files in ustar form, sorted, without owners or times: the same pack is the same bytes.
fn tar(files: &pack::Files) -> Vec<u8> {
    let mut out = Vec::new();
    for (path, bytes) in files {
        let mut header = [0_u8; BLOCK];
        let mut put = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
        // Paths of a pack are far below the 100 bytes of the name field.
        put(0, &path.as_bytes()[..path.len().min(99)]);
        put(100, b"0000644\0");
        put(108, b"0000000\0");
        put(116, b"0000000\0");
        put(124, format!("{:011o}\0", bytes.len()).as_bytes());
        put(136, b"00000000000\0");
        put(148, b"        ");
        put(156, b"0");
        put(257, b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        out.extend_from_slice(&header);
        out.extend_from_slice(bytes);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
    }
    out.resize(out.len() + 2 * BLOCK, 0);
    out
}

/// Reads plain files; anything else in the archive is refused.
fn untar(bytes: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let mut files = BTreeMap::new();
    let mut at = 0;
    while let Some(header) = bytes.get(at..at + BLOCK) {
        if header.iter().all(|byte| *byte == 0) {
            return Ok(files);
        }
        let text = |from: usize, to: usize| {
            let field = &header[from..to];
            let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
            std::str::from_utf8(&field[..end])
                .map(str::trim)
                .map_err(|_| "a header that is no text".to_owned())
        };
        let size = usize::from_str_radix(text(124, 136)?, 8).map_err(|_| "a size that is no number")?;
        let kind = header[156];
        let path = text(0, 100)?.trim_start_matches("./").to_owned();
        let body = bytes
            .get(at + BLOCK..(at + BLOCK).saturating_add(size))
            .ok_or("it ends in the middle of a file")?;
        match kind {
            b'0' | 0 => {
                if files.insert(path.clone(), body.to_vec()).is_some() {
                    return Err(format!("{path} is in it twice"));
                }
            }
            b'5' => {}
            _ => return Err(format!("{path} is not a plain file")),
        }
        at = (at + BLOCK).saturating_add(size.next_multiple_of(BLOCK));
    }
    Err("it has no end".to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_folder_reads_back_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("pack");
        let files = pack::Files::from([
            ("checkpoint".to_owned(), b"x".to_vec()),
            ("entries/0.json".to_owned(), vec![]),
        ]);
        write(&out, &files).unwrap();
        let pack = Pack::open(&out).unwrap();
        let mut seen = Vec::new();
        pack.each_path(&mut |path| seen.push(path.to_owned())).unwrap();
        seen.sort();
        assert_eq!(seen, ["checkpoint", "entries/0.json"]);
        assert_eq!(pack.read("checkpoint").unwrap().unwrap().as_ref(), b"x");
        assert!(pack.read("missing").unwrap().is_none());
        assert!(free(&out).is_err() && free(&dir.path().join("other")).is_ok());
    }

    proptest! {
        #[test]
        fn an_archive_reads_back(files in prop::collection::btree_map("[a-z]{1,20}(/[a-z0-9]{1,40})?", prop::collection::vec(any::<u8>(), 0..1200), 0..5)) {
            prop_assert_eq!(untar(&tar(&files)).unwrap(), files);
        }

        #[test]
        fn no_archive_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            let _ = untar(&bytes);
        }
    }
}
