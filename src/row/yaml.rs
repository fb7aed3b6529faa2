//! Kubernetes objects as people read them: YAML with sorted keys, one fact a line, fit for a line diff.
//!
//! Never: parsed again. This is text for eyes; digests are over JSON.

use serde_json::Value;

/// The whole object, with a final newline.
pub fn text(value: &Value) -> String {
    let mut out = String::new();
    write(value, 0, &mut out);
    out
}

/// One value on one line.
pub fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) if plain(text) => text.clone(),
        Value::String(text) => Value::String(text.clone()).to_string(),
        other => other.to_string(),
    }
}

fn write(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Object(object) if !object.is_empty() => {
            let mut names: Vec<_> = object.keys().collect();
            names.sort();
            for name in names {
                indent(depth, out);
                out.push_str(&scalar(&Value::String(name.clone())));
                out.push(':');
                under(&object[name], depth + 1, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                indent(depth, out);
                out.push('-');
                let mut inner = String::new();
                write(item, depth + 1, &mut inner);
                // The first field of an item stands on the hyphen's line.
                let trimmed = inner.strip_prefix(&"  ".repeat(depth + 1)).unwrap_or(&inner);
                out.push(' ');
                out.push_str(trimmed);
            }
        }
        other => {
            indent(depth, out);
            out.push_str(&scalar(other));
            out.push('\n');
        }
    }
}

fn under(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::String(text) if text.contains('\n') => block(text, depth, out),
        Value::Object(object) if !object.is_empty() => nested(value, depth, out),
        Value::Array(items) if !items.is_empty() => nested(value, depth, out),
        other => {
            out.push(' ');
            out.push_str(&scalar(other));
            out.push('\n');
        }
    }
}

fn nested(value: &Value, depth: usize, out: &mut String) {
    out.push('\n');
    write(value, depth, out);
}

/// A text of several lines, line by line, so that a diff shows the line that differs.
fn block(text: &str, depth: usize, out: &mut String) {
    out.push_str(if text.ends_with('\n') { " |\n" } else { " |-\n" });
    for line in text.lines() {
        indent(depth, out);
        out.push_str(line);
        out.push('\n');
    }
}

fn indent(depth: usize, out: &mut String) {
    for _ in 0..depth {
        out.push_str("  ");
    }
}

/// Words that YAML would not take for something else.
fn plain(text: &str) -> bool {
    let safe = |c: char| {
        c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '@' | '+' | ' ' | '(' | ')' | '=' | ',')
    };
    let starts = text.chars().next().is_some_and(|c| c.is_alphabetic() || matches!(c, '/' | '_'));
    let ends = !text.ends_with(' ');
    let word = !matches!(text, "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n");
    let inner = text.chars().all(|c| safe(c) || c == ':') && !text.contains(": ") && !text.ends_with(':');
    starts && ends && word && inner
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_read_as_yaml() {
        let object = json!({"kind": "ConfigMap", "data": {"express_pay": "off", "retries": "3", "b": "x: y"},
            "spec": {"containers": [{"name": "web", "image": "r/web:1.4", "ports": [80, 443]}], "empty": {}}, "text": "a\nb\n"});
        let expected = "data:\n  b: \"x: y\"\n  express_pay: \"off\"\n  retries: \"3\"\nkind: ConfigMap\nspec:\n  containers:\n    - image: r/web:1.4\n      \
            name: web\n      ports:\n        - 80\n        - 443\n  empty: {}\ntext: |\n  a\n  b\n";
        assert_eq!(text(&object), expected);
    }
}
