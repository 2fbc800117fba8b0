//! Repeat contacts by topic, looked up some customers at a time beside the work.

use super::Api;
use super::convert::{duration, timestamp};
use super::proto::v1 as pb;
use super::status::Fault;
use super::validate::Checks;
use crate::engine::contacts::{Contact, RepeatScan, TopicRepeats};

/// Customers looked at in one go: the driver is kept for less than a millisecond.
const STEP: usize = 1024;

impl Api {
    /// The topics with the most repeats.
    pub(super) async fn repeats(
        &self,
        request: &pb::ListRepeatContactsRequest,
    ) -> Result<pb::ListRepeatContactsResponse, Fault> {
        let mut checks = Checks::default();
        let limit = checks.page_size(request.page_size);
        checks.done()?;
        let mut scan = RepeatScan::default();
        let mut remembered_count = 0;
        while !scan.is_over() {
            let look = move |engine: &crate::engine::Engine, now| {
                engine.scan_repeats(&mut scan, now, STEP);
                (scan, engine.contact_count() as u64)
            };
            (scan, remembered_count) =
                self.handle.read(look).await.map_err(|refused| Fault::refused(refused, ""))?;
        }
        let topic_count = scan.topics.len() as u64;
        let mut topics: Vec<_> = scan.topics.into_values().collect();
        topics.sort_by(|a, b| b.repeat_count.cmp(&a.repeat_count).then(a.topic.cmp(&b.topic)));
        topics.truncate(limit);
        let policy = self.handle.view().policy.clone();
        let repeats = policy.repeats;
        Ok(pb::ListRepeatContactsResponse {
            topics: topics.iter().map(topic).collect(),
            topic_count,
            window: Some(duration(repeats.window_ms)),
            threshold: repeats.threshold,
            pool: repeats.pool.map(|pool| policy.pool(pool).name.to_string()).unwrap_or_default(),
            remembered_count,
        })
    }
}

fn topic(found: &TopicRepeats) -> pb::RepeatTopic {
    pb::RepeatTopic {
        topic: found.topic.to_string(),
        repeat_count: found.repeat_count,
        customer_count: found.customer_count,
        most_count: found.most_count,
        above_threshold_count: found.above_count,
        above_threshold: found.above_count > 0,
        open_ticket_count: found.open_count,
        first_at: Some(timestamp(found.first_at)),
        last_at: Some(timestamp(found.last_at)),
    }
}

/// A ticket's topic, its place among the contacts of its customer, and the ticket before it.
pub(super) fn add_contact(told: &mut pb::Ticket, contact: Option<&Contact>) {
    if let Some(contact) = contact {
        told.topic = contact.topic.to_string();
        told.contact_count = contact.count;
        let previous = contact.previous.as_ref();
        told.previous_ticket_id = previous.map(|p| p.id.to_string()).unwrap_or_default();
    }
}
