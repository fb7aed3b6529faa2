//! Which table a migration touches: from its SQL, from the calls of a migration library, from the file's name.
//!
//! Never: a guess that looks like a reading; where nothing names a table, the file itself is named.

use std::collections::BTreeSet;

use crate::row::gate::File;

/// Tables named of one migration; what comes after is counted by the reader.
const TABLES_MAX: usize = 8;

/// Words of SQL that stand right before a table's name, after which these may follow.
const BEFORE_TABLE: [&[&str]; 9] = [
    &["alter", "table"],
    &["create", "table"],
    &["drop", "table"],
    &["truncate", "table"],
    &["rename", "table"],
    &["lock", "table"],
    &["insert", "into"],
    &["delete", "from"],
    &["truncate"],
];
/// May stand between the words and the name.
const BETWEEN: [&str; 5] = ["if", "not", "exists", "only", "table"];
/// Calls of migration libraries whose first argument is a table: Rails, Knex, Alembic, Laravel, Phinx.
const CALLS: [&str; 22] = [
    "add_column",
    "remove_column",
    "rename_column",
    "change_column",
    "change_column_null",
    "change_table",
    "create_table",
    "drop_table",
    "rename_table",
    "add_index",
    "remove_index",
    "add_reference",
    "add_foreign_key",
    "drop_column",
    "alter_column",
    "altertable",
    "createtable",
    "droptable",
    "addcolumn",
    "removecolumn",
    "schema::table",
    "schema::create",
];
/// Words in a file's name after which a table is named: `20260530_add_note_to_orders.sql`.
const IN_NAME: [&str; 6] = ["to", "on", "from", "alter", "table", "create"];
/// Words that end a migration's name without being a table.
const NO_TABLE: [&str; 12] =
    ["add", "drop", "sql", "up", "down", "column", "columns", "index", "table", "tables", "all", "null"];

/// A changed file that holds a migration, and what it touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Migration {
    pub(super) path: String,
    /// In the order in which they are named.
    pub(super) tables: Vec<String>,
}

/// The migrations among changed files. `parts` are parts of a path, in small letters, that mean one.
pub(super) fn migrations(files: &[File], parts: &[String]) -> Vec<Migration> {
    let of = |file: &File| {
        let by_path = file.paths().any(|path| is_under(path, parts));
        let by_text = file.patch.as_deref().map(tables_in_patch).unwrap_or_default();
        // Statements in a test or a query are none; a change of a schema's definition is one wherever it stands.
        let defines = file.patch.as_deref().is_some_and(defines_schema);
        if !by_path && !defines {
            return None;
        }
        let tables =
            if by_text.is_empty() { table_in_name(&file.path).into_iter().collect() } else { by_text };
        Some(Migration { path: file.path.clone(), tables })
    };
    files.iter().filter_map(of).collect()
}

/// A part of the path, in small letters, is one of these.
pub(super) fn is_under(path: &str, parts: &[String]) -> bool {
    let path = path.to_lowercase();
    parts.iter().any(|part| path.contains(part.as_str()))
}

/// A file of SQL changes how a table is made.
fn defines_schema(patch: &str) -> bool {
    changed(patch).any(|line| {
        let words = words(line);
        let first = words.first().map(String::as_str);
        matches!(first, Some("alter" | "create" | "drop" | "rename" | "truncate"))
            && words.get(1).is_some_and(|word| word == "table")
    })
}

/// What a patch adds or takes away; its context says nothing about the change.
fn changed(patch: &str) -> impl Iterator<Item = &str> {
    patch
        .lines()
        .filter(|line| !line.starts_with("+++") && !line.starts_with("---"))
        .filter_map(|line| line.strip_prefix('+').or_else(|| line.strip_prefix('-')))
}

fn tables_in_patch(patch: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut seen = BTreeSet::new();
    for line in changed(patch) {
        let named = in_sql(line).or_else(|| in_call(line));
        if let Some(table) = named.filter(|table| seen.insert(table.clone())) {
            found.push(table);
        }
    }
    found.truncate(TABLES_MAX);
    found
}

/// `ALTER TABLE IF EXISTS "public"."orders" ADD …` → `orders`; `CREATE INDEX CONCURRENTLY i ON orders (…)` too.
fn in_sql(line: &str) -> Option<String> {
    let code = line.split("--").next().unwrap_or_default();
    let words = words(code);
    let is = |at: usize, word: &str| words.get(at).is_some_and(|found| found == word);
    let at = (0..words.len()).find_map(|at| {
        let fits = |before: &&&[&str]| before.iter().enumerate().all(|(n, word)| is(at + n, word));
        BEFORE_TABLE.iter().find(fits).map(|before| at + before.len())
    });
    let index = || {
        let creates = words.iter().any(|word| word == "create" || word == "drop");
        let index = words.iter().position(|word| word == "index")?;
        let on = words.iter().skip(index).position(|word| word == "on")?;
        creates.then_some(index + on + 1)
    };
    let update = || (is(0, "update") && words.iter().any(|word| word == "set")).then_some(1);
    let mut at = at.or_else(index).or_else(update)?;
    while words.get(at).is_some_and(|word| BETWEEN.contains(&word.as_str())) {
        at += 1;
    }
    name(words.get(at)?)
}

/// `add_column :orders, :note, :text` and `op.add_column('orders', …)` → `orders`.
fn in_call(line: &str) -> Option<String> {
    let lower = line.to_lowercase();
    let (at, call) = CALLS.iter().filter_map(|call| Some((lower.find(call)?, *call))).min()?;
    let before = lower[..at].chars().next_back();
    let rest = &lower[at + call.len()..];
    if before.is_some_and(|c| c.is_alphanumeric() || c == '_')
        || rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')
    {
        return None;
    }
    let argument = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
    let quoted = argument.strip_prefix([':', '\'', '"', '`'])?;
    name(quoted.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')).next()?)
}

/// `db/migrate/20260530_add_note_to_orders.sql` → `orders`.
fn table_in_name(path: &str) -> Option<String> {
    let file = path.rsplit('/').next().unwrap_or(path).to_lowercase();
    let stem = file.split('.').next().unwrap_or_default();
    let words: Vec<&str> = stem.split(['_', '-']).filter(|word| !word.is_empty()).collect();
    let at = words.iter().rposition(|word| IN_NAME.contains(word))?;
    let rest = words.get(at + 1..)?.join("_");
    name(&rest).filter(|name| !NO_TABLE.contains(&name.as_str()))
}

/// In small letters, quotes and the rest of punctuation away; a schema's dot stays.
fn words(line: &str) -> Vec<String> {
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '.' || c == '$';
    let clean = line.to_lowercase().replace(['"', '`', '[', ']', '\''], "");
    clean.split(|c| !part(c)).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The table without its schema; none where it is no name.
fn name(text: &str) -> Option<String> {
    let last = text.rsplit('.').find(|part| !part.is_empty())?;
    let named = last.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
    let plain = last.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$');
    (named && plain && last.len() <= 64).then(|| last.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, patch: &str) -> File {
        File {
            path: path.to_owned(),
            was: None,
            status: "modified".to_owned(),
            added: 1,
            removed: 0,
            patch: (!patch.is_empty()).then(|| patch.to_owned()),
        }
    }

    #[test]
    fn tables_are_named_as_the_statement_names_them() {
        for (line, table) in [
            ("ALTER TABLE orders ADD COLUMN note text;", Some("orders")),
            ("alter table if exists only \"public\".\"Orders\" drop column note;", Some("orders")),
            ("CREATE TABLE IF NOT EXISTS `order_lines` (id bigint);", Some("order_lines")),
            ("DROP TABLE [dbo].[orders];", Some("orders")),
            ("CREATE UNIQUE INDEX CONCURRENTLY i ON orders (note);", Some("orders")),
            ("INSERT INTO orders (id) VALUES (1);", Some("orders")),
            ("UPDATE orders SET note = '';", Some("orders")),
            ("TRUNCATE orders;", Some("orders")),
            ("add_column :orders, :note, :text", Some("orders")),
            ("op.add_column('orders', sa.Column('note', sa.Text()))", Some("orders")),
            ("knex.schema.alterTable('orders', t => {", Some("orders")),
            ("  Schema::table('orders', function ($table) {", Some("orders")),
            ("readd_column :orders", None),
            ("-- ALTER TABLE orders", None),
            ("SELECT note FROM orders;", None),
            ("the table orders", None),
        ] {
            assert_eq!(in_sql(line).or_else(|| in_call(line)).as_deref(), table, "{line}");
        }
    }

    #[test]
    fn a_migration_is_told_by_its_path_or_its_statements() {
        let parts = ["migrat".to_owned(), ".sql".to_owned()];
        let check = |path: &str, patch: &str, expected: Option<&[&str]>| {
            let found = migrations(&[file(path, patch)], &parts);
            let tables = found.first().map(|one| one.tables.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(tables.as_deref(), expected, "{path}");
        };
        check(
            "db/migrate/1_note.sql",
            "@@ -0,0 +1 @@\n+ALTER TABLE orders ADD note text;\n",
            Some(&["orders"]),
        );
        check("db/migrate/20260530_add_note_to_orders.sql", "", Some(&["orders"]));
        check("db/migrate/20260530_create_order_lines.sql", "", Some(&["order_lines"]));
        check("db/migrate/20260530_tidy.sql", "", Some(&[]));
        check("db/migrate/20260530_drop_column_up.sql", "", Some(&[]));
        check("src/store.rs", "+ALTER TABLE orders ADD note text;\n", Some(&["orders"]));
        check("src/store.rs", " ALTER TABLE orders ADD note text;\n+let x = 1;\n", None);
        check("src/store.rs", "+    \"INSERT INTO orders VALUES (1)\"\n", None);
        check("src/lib.rs", "+fn x() {}\n", None);
    }
}
