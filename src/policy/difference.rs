//! What changes from one policy to another, key by key, in the words of their descriptions.

use super::describe;
use crate::engine::model::Policy;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// One key that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The path to the key, with the names of tiers and pools, for example `tiers.gold.guard`.
    pub path: String,
    /// What it is now; empty where it is new.
    pub before: String,
    /// What it will be; empty where it goes.
    pub after: String,
}

/// What changes from `old` to `new`, by path.
pub fn difference(old: &Policy, new: &Policy) -> Vec<Change> {
    let leaves = |policy| {
        let mut leaves = BTreeMap::new();
        let described =
            serde_json::to_value(describe(policy)).expect("a description is plain data");
        gather(String::new(), &described, &mut leaves);
        leaves
    };
    let (mut old, new) = (leaves(old), leaves(new));
    let mut changes = Vec::new();
    for (path, after) in new {
        let before = old.remove(&path).unwrap_or_default();
        if before != after {
            changes.push(Change { path, before, after });
        }
    }
    changes.extend(old.into_iter().map(|(path, before)| Change {
        path,
        before,
        after: String::new(),
    }));
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    changes
}

/// Every value below `value` that is none of several, by its path. Lists of plain values are one value;
/// lists of things with names are walked by name.
fn gather(path: String, value: &Value, leaves: &mut BTreeMap<String, String>) {
    let below =
        |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                gather(below(name), value, leaves);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (at, item) in items.iter().enumerate() {
                let name = item.get("name").or_else(|| item.get("tier")).and_then(Value::as_str);
                let name = name.map_or_else(|| (at + 1).to_string(), str::to_owned);
                gather(below(&name), item, leaves);
            }
        }
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(plain).collect();
            leaves.insert(path, items.join(", "));
        }
        Value::Null => {}
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            leaves.insert(path, plain(value));
        }
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_named_by_tier_and_pool_and_nothing_else_is_told() {
        let text = include_str!("../../config/bank.toml");
        let (old, _) = super::super::parse("bank.toml", text).expect("it is sound");
        assert_eq!(difference(&old, &old), []);
        let mut new = old.clone();
        new.version = "other".into();
        new.tiers[0].weight_permille += 500;
        new.pools[0].lease_ms += 1000;
        let changes = difference(&old, &new);
        let paths: Vec<_> = changes.iter().map(|change| change.path.as_str()).collect();
        let lease = format!("pools.{}.lease_ms", old.pools[0].name);
        let weight = format!("tiers.{}.weight", old.tiers[0].name);
        assert_eq!(paths, [lease.as_str(), weight.as_str(), "version"]);
        assert_eq!(changes[0].after, new.pools[0].lease_ms.to_string());
    }

    #[test]
    fn what_comes_and_what_goes_is_told_with_one_side_empty() {
        let text = include_str!("../../config/bank.toml");
        let (old, _) = super::super::parse("bank.toml", text).expect("it is sound");
        let mut new = old.clone();
        new.pools[0].name = "renamed".into();
        let changes = difference(&old, &new);
        let gone = format!("pools.{}.name", old.pools[0].name);
        let find = |path: &str| changes.iter().find(|change| change.path == path);
        assert_eq!(find(&gone).map(|change| change.after.as_str()), Some(""));
        assert_eq!(find("pools.renamed.name").map(|change| change.before.as_str()), Some(""));
    }
}
