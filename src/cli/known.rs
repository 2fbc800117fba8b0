//! What is known of a ticket's customer beside the tier, for people and for programs.

use super::table::Facts;
use super::{view, words};
use crate::api::proto::v1;
use serde::Serialize;

/// What a ticket says of its customer.
#[derive(Debug, Serialize)]
pub(crate) struct Known {
    because: Option<String>,
    standing: String,
    provisional: bool,
    agent_id: Option<String>,
    matched_identifier: u32,
    conflicting_customer_id: Option<String>,
}

impl From<v1::CustomerKnown> for Known {
    fn from(known: v1::CustomerKnown) -> Self {
        Self {
            because: view::filled(known.because),
            standing: words::standing(known.standing),
            provisional: known.provisional,
            agent_id: view::filled(known.agent_id),
            matched_identifier: known.matched_identifier,
            conflicting_customer_id: view::filled(known.conflicting_customer_id),
        }
    }
}

impl Known {
    /// Adds what is worth a line.
    pub(crate) fn tell(&self, facts: &mut Facts) {
        facts.add("because", self.because.clone().unwrap_or_default());
        let provisional =
            if self.provisional { ", tier foretold from the first order" } else { "" };
        if self.standing != "regular" || self.provisional {
            facts.add("standing", format!("{}{provisional}", self.standing));
        }
        if let Some(other) = &self.conflicting_customer_id {
            facts.add("conflict", format!("another identifier names customer {other}"));
        }
    }
}
