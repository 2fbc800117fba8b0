//! A policy's text with another rule or reserve: what a rehearsal tries out on a server of its own.

use crate::engine::model::Rule;
use toml::{Table, Value};

/// The text of a policy that [`super::parse`] accepts, with `rule` as its dispatch rule and `reserve`
/// agents kept for the tier named `top` in every pool, where these are given. Comments are lost.
///
/// Panics when `text` is not TOML.
pub fn changed(text: &str, rule: Option<Rule>, reserve: Option<(&str, u32)>) -> String {
    if rule.is_none() && reserve.is_none() {
        return text.to_owned();
    }
    let mut policy: Table = text.parse().expect("a policy that was accepted is TOML");
    if let Some(rule) = rule {
        let dispatch = policy.entry("dispatch").or_insert_with(|| Table::new().into());
        let dispatch = dispatch.as_table_mut().expect("it was accepted as a table");
        dispatch.insert("rule".to_owned(), rule.name().into());
    }
    if let Some((top, count)) = reserve {
        let kept: Table = [(top.to_owned(), i64::from(count).into())].into_iter().collect();
        let pools = policy.get_mut("pool").and_then(Value::as_array_mut);
        for pool in pools.into_iter().flatten().filter_map(Value::as_table_mut) {
            pool.insert("reserve".to_owned(), kept.clone().into());
        }
    }
    toml::to_string(&policy).expect("what was TOML is TOML")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::model::TierIx;

    #[test]
    fn rule_and_reserve_are_changed_and_everything_else_stays() {
        let text = include_str!("../../config/bank.toml");
        let (before, _) = super::super::parse("bank.toml", text).unwrap();
        let top = before.tiers[0].name.to_string();
        let text = changed(text, Some(Rule::Fifo), Some((&top, 3)));
        let (after, _) = super::super::parse("changed.toml", &text).unwrap();
        assert_eq!(after.rule, Rule::Fifo);
        assert!(after.pools.iter().all(|pool| pool.reserve == [(TierIx(0), 3)]));
        assert_eq!(after.tiers, before.tiers);
    }
}
