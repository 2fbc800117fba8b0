//! Repeat contacts. Topics are no labels: callers make them, and there is no end of them.

use super::Counters;
use crate::engine::Engine;
use crate::engine::command::Event;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

pub(super) struct RepeatContacts(Counters<1>);

impl RepeatContacts {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let repeats = Counters::default();
        registry.register(
            "repeat_contacts",
            "Tickets of customers who had come about the same topic before, by tier",
            Family::clone(&repeats),
        );
        Self(repeats)
    }

    /// Counts a ticket that `engine` has just taken, if its customer comes again.
    pub(super) fn observe(&self, event: &Event, engine: &Engine) {
        if matches!(event, Event::Started | Event::PolicyApplied { .. }) {
            // A series from the start, so that the first repeat is seen as a rise.
            for tier in &engine.policy().tiers {
                self.0.get_or_create_owned(&[("tier", tier.name.clone())]);
            }
        }
        let Event::Submitted(submitted) = event else { return };
        if submitted.contact.as_ref().is_some_and(|contact| contact.count > 1) {
            let tier = engine.policy().tier(submitted.tier).name.clone();
            self.0.get_or_create_owned(&[("tier", tier)]).inc();
        }
    }
}
