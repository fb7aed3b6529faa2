//! One console at a time decides for a home: a lock on a file, which ends with the process that holds it.
//!
//! Never: waited for on the way to a screen; whoever comes second reads, and is told when its turn comes.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
};

use super::home::{Home, HomeError};

/// The right to decide, for as long as it is held.
#[derive(Debug)]
pub struct Turn(#[expect(dead_code, reason = "the open file is the lock")] File);

/// Who decides for this home now.
#[derive(Debug)]
pub enum Whose {
    Ours(Turn),
    Another(Waiting),
}

/// A place behind the one whose turn it is.
#[derive(Debug)]
pub struct Waiting {
    file: File,
    /// The process that decides now, where the file says it.
    pub process: Option<u32>,
}

impl Home {
    /// Takes the turn, or a place behind whoever has it.
    pub fn turn(&self) -> Result<Whose, HomeError> {
        let path = self.state_folder()?.join("console.lock");
        let unwritable = |error| HomeError::Unwritable { file: path.clone(), error };
        let mut options = OpenOptions::new();
        let mut file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(unwritable)?;
        match file.try_lock() {
            Ok(()) => Ok(Whose::Ours(signed(file))),
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let read = file.read_to_string(&mut text);
                let process = read.ok().and_then(|_| text.trim().parse().ok());
                Ok(Whose::Another(Waiting { file, process }))
            }
            Err(TryLockError::Error(error)) => Err(unwritable(error)),
        }
    }
}

impl Waiting {
    /// Until the other has ended.
    pub fn wait(self) -> io::Result<Turn> {
        loop {
            match self.file.lock() {
                Ok(()) => return Ok(signed(self.file)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Writes who holds it. Best effort: the lock holds without.
fn signed(mut file: File) -> Turn {
    let written = file.set_len(0).and_then(|()| file.rewind());
    let _ = written.and_then(|()| writeln!(file, "{}", std::process::id()));
    Turn(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_reads_until_the_first_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(&folder.path().join("sarah"));
        let Whose::Ours(first) = home.turn().unwrap() else { panic!("nobody else is there") };
        let Whose::Another(second) = home.turn().unwrap() else { panic!("one at a time") };
        assert_eq!(second.process, Some(std::process::id()));
        let waits = std::thread::spawn(move || second.wait().unwrap());
        drop(first);
        let held = waits.join().unwrap();
        assert!(matches!(home.turn().unwrap(), Whose::Another(_)));
        drop(held);
        assert!(matches!(home.turn().unwrap(), Whose::Ours(_)));
    }
}
