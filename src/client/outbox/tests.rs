//! The states of a decision as scripts; between each two steps the file is closed and opened again, as a crash would.

use std::fs;

use super::*;

struct Bench {
    folder: tempfile::TempDir,
    outbox: Option<Outbox>,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let outbox = Some(Outbox::open(&folder.path().join("outbox.db")).unwrap());
        Self { folder, outbox }
    }

    /// As after kill -9: nothing was said to the file.
    fn crash(&mut self) {
        self.outbox = None;
        self.outbox = Some(Outbox::open(&self.folder.path().join("outbox.db")).unwrap());
    }

    fn outbox(&mut self) -> &mut Outbox {
        self.outbox.as_mut().unwrap()
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + second).unwrap()
}

pub(super) fn signed(chance: u8) -> Entry {
    Entry {
        id: DecisionId::new(1_780_000_000_000, [chance; 10]),
        row: "sync-8822".parse().unwrap(),
        revision: 1,
        decision: Decision::Decline,
        overrides: false,
        note: Some("Manual mitigation of INC-771 stays.".to_owned()),
        content: Digest::of("content"),
        base: Digest::of("base"),
        offline: true,
        statement: "{}".to_owned(),
        signature: "-----BEGIN SSH SIGNATURE-----".to_owned(),
        key: "SHA256:x".to_owned(),
        made_at: at(0),
        leaves_at: at(10),
        fate: Fate::Signed,
        attempts: 0,
        next_at: at(10),
        changed_at: at(0),
        opened: false,
    }
}

/// One step of a script, and the state that follows.
enum Step {
    TakeBack(bool),
    Send(bool),
    Settle(Fate),
}

#[test]
fn scripts() {
    let unknown = || Fate::Unknown { code: "busy".to_owned(), message: "Too much at once.".to_owned() };
    let accepted = || Fate::Accepted { log_index: 7, row_state: "declined".to_owned(), receipt: None };
    let refused =
        || Fate::Refused { code: "expired".into(), message: "The row lapsed.".into(), hint: "ask".into() };
    let scripts: [(&str, Vec<Step>, &str); 8] = [
        ("rests", vec![], "signed"),
        ("taken back", vec![Step::TakeBack(true)], "taken_back"),
        ("taken back, never sent", vec![Step::TakeBack(true), Step::Send(false)], "taken_back"),
        ("on its way, not taken back", vec![Step::Send(true), Step::TakeBack(false)], "sending"),
        ("sent again after a crash", vec![Step::Send(true), Step::Send(true)], "sending"),
        (
            "tried again until accepted",
            vec![Step::Send(true), Step::Settle(unknown()), Step::Send(true), Step::Settle(accepted())],
            "accepted",
        ),
        (
            "a final answer stays",
            vec![Step::Send(true), Step::Settle(refused()), Step::Settle(accepted()), Step::Send(false)],
            "refused",
        ),
        (
            "overtaken before it left",
            vec![Step::Settle(Fate::Overtaken { message: "argus drafted r2".into() }), Step::Send(false)],
            "overtaken",
        ),
    ];
    for (name, steps, end) in scripts {
        let mut bench = Bench::new();
        let entry = signed(1);
        bench.outbox().put(&entry).unwrap();
        for step in steps {
            bench.crash();
            let outbox = bench.outbox();
            match step {
                Step::TakeBack(expected) => {
                    assert_eq!(outbox.take_back(&entry.id, at(1)).unwrap(), expected, "{name}");
                }
                Step::Send(expected) => {
                    assert_eq!(outbox.begin_sending(&entry.id, at(1)).unwrap(), expected, "{name}");
                }
                Step::Settle(fate) => outbox.settle(&entry.id, &fate, at(2), at(1)).unwrap(),
            }
        }
        bench.crash();
        let found = bench.outbox().get(&entry.id).unwrap().unwrap();
        assert_eq!(found.fate.word(), end, "{name}");
        assert_eq!(
            (found.statement, found.signature),
            (entry.statement, entry.signature),
            "{name}: the bytes stay"
        );
    }
}

#[test]
fn what_is_put_comes_back_whole() {
    let mut bench = Bench::new();
    let entry = signed(3);
    bench.outbox().put(&entry).unwrap();
    assert_eq!(bench.outbox().unsent().unwrap(), [entry]);
}

#[test]
fn a_draft_outlives_a_crash_and_ends_with_the_signature() {
    let mut bench = Bench::new();
    let entry = signed(1);
    let draft = NoteDraft {
        row: entry.row,
        revision: 1,
        verb: "decline".into(),
        note: "half a thou".into(),
        conditions: String::new(),
        since: at(0),
        saved_at: at(1),
    };
    bench.outbox().save_draft(&draft).unwrap();
    bench.crash();
    assert_eq!(bench.outbox().drafts().unwrap(), [draft]);
    bench.outbox().put(&entry).unwrap();
    assert_eq!(bench.outbox().drafts().unwrap(), []);
}

#[test]
fn one_sender_at_a_time() {
    let mut bench = Bench::new();
    let outbox = bench.outbox();
    let (a, b) = (Holder::new().unwrap(), Holder::new().unwrap());
    for (holder, second, taken) in
        [(&a, 0, true), (&b, 1, false), (&a, 20, true), (&b, 45, false), (&b, 51, true), (&a, 52, false)]
    {
        assert_eq!(outbox.take_lease(holder, at(second)).unwrap(), taken, "{holder:?} at {second}");
    }
    outbox.release_lease(&b).unwrap();
    assert!(outbox.take_lease(&a, at(53)).unwrap());
}

#[test]
fn a_lease_ends_with_the_process_that_held_it() {
    let mut died = std::process::Command::new("true").spawn().unwrap();
    died.wait().unwrap();
    let start = this_start();
    let mut bench = Bench::new();
    for (holder, taken) in [
        (format!("{start}/{}/x", died.id()), true),
        (format!("{start}/{}/x", std::process::id()), false),
        (format!("another-start/{}/x", died.id()), false),
        ("nonsense".to_owned(), false),
    ] {
        let outbox = bench.outbox();
        outbox.db.execute("DELETE FROM lease", []).unwrap();
        assert!(outbox.take_lease(&Holder(holder.clone()), at(0)).unwrap());
        assert_eq!(outbox.take_lease(&Holder::new().unwrap(), at(1)).unwrap(), taken, "{holder}");
    }
}

#[test]
fn a_damaged_or_newer_file_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("outbox.db");
    for bytes in [&b"not a database, though long enough to be taken for one: ............................................................"[..], &[0xff; 4096]] {
        fs::write(&file, bytes).unwrap();
        assert!(matches!(Outbox::open(&file), Err(StoreError::Corrupt { .. })));
        assert_eq!(fs::read(&file).unwrap(), bytes);
    }
    fs::remove_file(&file).unwrap();
    drop(Outbox::open(&file).unwrap());
    Connection::open(&file).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(Outbox::open(&file), Err(StoreError::Newer { found: 99, .. })));
}

#[test]
fn what_was_begun_is_kept_until_it_is_dropped_one_a_row() {
    let mut bench = Bench::new();
    let begun = |revision: u32, what: &str| Begun {
        row: "rb-8821".parse().unwrap(),
        revision,
        what: what.to_owned(),
        changes: format!("{{\"revision\":{revision}}}"),
        proposal: "{}".to_owned(),
        since: at(0),
        saved_at: at(i64::from(revision)),
    };
    bench.outbox().save_begun(&begun(1, "1 struck")).unwrap();
    bench.crash();
    assert_eq!(bench.outbox().begun().unwrap(), [begun(1, "1 struck")]);
    bench.outbox().save_begun(&begun(2, "1 struck, 1 reworded")).unwrap();
    bench.crash();
    assert_eq!(bench.outbox().begun().unwrap(), [begun(2, "1 struck, 1 reworded")]);
    bench.outbox().drop_begun("rb-8821".parse().unwrap()).unwrap();
    bench.crash();
    assert_eq!(bench.outbox().begun().unwrap(), []);
}

#[test]
fn a_file_from_before_is_extended_and_keeps_what_it_has() {
    let mut bench = Bench::new();
    bench.outbox().put(&signed(1)).unwrap();
    let file = bench.folder.path().join("outbox.db");
    bench.outbox = None;
    let db = rusqlite::Connection::open(&file).unwrap();
    db.execute_batch("DROP TABLE begun; PRAGMA user_version = 1").unwrap();
    drop(db);
    bench.outbox = Some(Outbox::open(&file).unwrap());
    assert_eq!(bench.outbox().begun().unwrap(), []);
    assert_eq!(bench.outbox().entries().unwrap().len(), 1);
}
