//! Standings in the words of the script.
//!
//! ```text
//! policy ..; standing at_risk scale 500 add back first ann/30s; standing farewell only customer pools back
//! submit t1 gold voice found stands=at_risk own=ann
//! ```

use super::{duration_ms, word_after};
use crate::engine::coding::rules::Rules;
use crate::engine::coding::treatment::{Contact, Treatment, Who};
use crate::engine::coding::{Known, Standing};
use crate::engine::model::{AgentId, PoolSet};

fn standing(name: &str) -> Standing {
    Standing::ALL.into_iter().find(|known| known.name() == name).expect("a standing")
}

fn who(name: &str) -> Who {
    if name == "customer" { Who::Customers } else { Who::Named(AgentId::new(name)) }
}

/// What the policy's standings do.
pub(super) fn rules(parts: &[Vec<&str>], pools: impl Fn(&str) -> PoolSet) -> Rules {
    let mut rules = Rules::default();
    for part in parts.iter().filter(|part| part[0] == "standing") {
        let set = |key| word_after(part, key).map_or(PoolSet::EMPTY, &pools);
        let first = word_after(part, "first").map(|first| {
            let (agent, wait) = first.split_once('/').expect("an agent and a wait");
            Contact { who: who(agent), wait_ms: duration_ms(wait) }
        });
        let only =
            || word_after(part, "only").map(|agent| Contact { who: who(agent), wait_ms: None });
        rules.treatments[standing(part[1]).index()] = Treatment {
            scale_permille: word_after(part, "scale")
                .map_or(1000, |n| n.parse().expect("a number")),
            lift: 0,
            pools: set("pools"),
            add_pools: set("add"),
            contact: first.or_else(only),
        };
    }
    rules
}

/// What the directory tells of the customer.
pub(super) fn known(words: &[&str]) -> Known {
    let said = |key: &str| words.iter().find_map(|word| word.strip_prefix(key));
    Known {
        standing: said("stands=").map_or(Standing::Regular, standing),
        agent: said("own=").map(AgentId::new),
        ..Known::default()
    }
}
