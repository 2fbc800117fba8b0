//! Repeat contacts in the words of the script.

use super::{duration_ms, moment, word_after};
use crate::engine::Engine;
use crate::engine::contacts::{RepeatScan, Repeats};
use crate::engine::model::{PoolIx, TicketId, Time};

/// `repeats [window T] [from N] [pool POOL]`
pub(super) fn rules(parts: &[Vec<&str>], pool: impl Fn(&str) -> u8) -> Repeats {
    let Some(words) = parts.iter().find(|part| part[0] == "repeats") else {
        return Repeats::default();
    };
    let window = word_after(words, "window").map(|word| duration_ms(word).expect("a duration"));
    Repeats {
        window_ms: window.unwrap_or(Repeats::default().window_ms),
        threshold: word_after(words, "from").map(|word| word.parse().expect("a number")),
        pool: word_after(words, "pool").map(|name| PoolIx(pool(name))),
    }
}

/// `late 2 after t1`
pub(super) fn of_ticket(id: &str, engine: &Engine) -> String {
    let ticket = engine.ticket(&TicketId::new(id)).expect("a live ticket");
    let Some(contact) = ticket.contact() else { return String::new() };
    let after = contact.previous.as_ref();
    let after = after.map_or_else(String::new, |previous| format!(" after {}", previous.id));
    format!("{} {}{after}", contact.topic, contact.count)
}

/// Every topic with repeats, found in steps of two customers.
pub(super) fn repeats(now: Time, engine: &Engine) -> String {
    let mut scan = RepeatScan::default();
    while !scan.is_over() {
        engine.scan_repeats(&mut scan, now, 2);
    }
    let told = scan.topics.values().map(|topic| {
        format!(
            "{}: {} of {}, most {}, {} above, {} open, {} to {}",
            topic.topic,
            topic.repeat_count,
            topic.customer_count,
            topic.most_count,
            topic.above_count,
            topic.open_count,
            moment(topic.first_at),
            moment(topic.last_at),
        )
    });
    told.collect::<Vec<_>>().join("; ")
}
