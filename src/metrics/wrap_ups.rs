//! What happens after the work: wrap-ups, by what ended them, and how long they took.

use super::tickets::HANDLE_BUCKETS;
use super::{Counters, seconds};
use crate::engine::wrap_up::WrapUpEnd;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

pub(super) struct WrapUps {
    ended: [Counter; WrapUpEnd::ALL.len()],
    took: Histogram,
}

impl WrapUps {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let ended = Counters::default();
        registry.register(
            "wrap_ups_ended",
            "Wrap-ups that ended, by what ended them: agent (it said so), limit (the time was up), \
             agent_deleted",
            Family::clone(&ended),
        );
        let took = Histogram::new(HANDLE_BUCKETS);
        registry.register_with_unit(
            "wrap_up",
            "How long agents wrote up tickets that they had completed",
            Unit::Seconds,
            took.clone(),
        );
        let ended =
            WrapUpEnd::ALL.map(|by| ended.get_or_create_owned(&[("ended_by", by.name().into())]));
        Self { ended, took }
    }

    pub(super) fn ended(&self, by: WrapUpEnd, spent_ms: i64) {
        self.ended[by as usize].inc();
        self.took.observe(seconds(spent_ms));
    }
}
