//! `tierline repeats`: about what customers come again and again.

use super::console;
use super::fault::Fault;
use super::table::{Cell, Table, Tone};
use super::{Context, humane, ticket, view};
use crate::api::proto::v1;
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

/// List the topics about which customers come again and again: faults of the process
///
/// Contacts of one customer about one topic are counted within the window that the policy sets. Topics come from those
/// who submit (`tierline submit --topic`).
#[derive(Args, Debug)]
#[command(after_help = "\
JSON fields: topics [{topic, repeat_count, customer_count, most_count, above_threshold_count, above_threshold, \
open_ticket_count, first_at, last_at}], topic_count, window_ms, threshold, pool, remembered_count.

Examples:
  tierline repeats
  tierline repeats --limit 5 --output json")]
pub(crate) struct Repeats {
    /// The most topics to list
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
}

/// The answer for programs.
#[derive(Serialize)]
struct Listed {
    topics: Vec<Topic>,
    topic_count: u64,
    window_ms: i64,
    threshold: Option<u32>,
    pool: Option<String>,
    remembered_count: u64,
}

/// A topic for programs.
#[derive(Serialize)]
struct Topic {
    #[serde(rename = "topic")]
    name: String,
    repeat_count: u64,
    customer_count: u64,
    most_count: u32,
    above_threshold_count: u64,
    above_threshold: bool,
    open_ticket_count: u64,
    first_at: Option<Timestamp>,
    last_at: Option<Timestamp>,
}

impl From<v1::RepeatTopic> for Topic {
    fn from(topic: v1::RepeatTopic) -> Self {
        Self {
            name: topic.topic,
            repeat_count: topic.repeat_count,
            customer_count: topic.customer_count,
            most_count: topic.most_count,
            above_threshold_count: topic.above_threshold_count,
            above_threshold: topic.above_threshold,
            open_ticket_count: topic.open_ticket_count,
            first_at: view::instant(topic.first_at),
            last_at: view::instant(topic.last_at),
        }
    }
}

impl Repeats {
    /// Runs it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), Fault> {
        let connection = context.connect().await?;
        let request = v1::ListRepeatContactsRequest { page_size: self.limit };
        let answer = connection.call(connection.ops().list_repeat_contacts(request)).await?;
        let listed = Listed {
            topics: answer.topics.into_iter().map(Topic::from).collect(),
            topic_count: answer.topic_count,
            window_ms: view::ms(answer.window.as_ref()),
            threshold: answer.threshold,
            pool: view::filled(answer.pool),
            remembered_count: answer.remembered_count,
        };
        if context.is_json() {
            return console::json(&listed);
        }
        console::say(text(&listed, ticket::server_now(&connection).await?))
    }
}

fn text(listed: &Listed, now: Timestamp) -> String {
    let window = humane::duration(listed.window_ms);
    if listed.topics.is_empty() {
        return format!("nobody came twice about the same topic within {window}\n");
    }
    let mut table = Table::new()
        .left("topic")
        .right("repeats")
        .right("customers")
        .right("most")
        .right("above")
        .right("open")
        .left("first")
        .left("last");
    let at = |at: Option<Timestamp>| at.map_or_else(String::new, |at| humane::instant(at, now));
    for topic in &listed.topics {
        let tone = if topic.above_threshold { Tone::Late } else { Tone::Plain };
        table.row([
            (&topic.name).into(),
            topic.repeat_count.to_string().into(),
            topic.customer_count.to_string().into(),
            topic.most_count.to_string().into(),
            Cell::toned(topic.above_threshold_count.to_string(), tone),
            topic.open_ticket_count.to_string().into(),
            at(topic.first_at).into(),
            at(topic.last_at).into(),
        ]);
    }
    let shown = listed.topics.len() as u64;
    let more = match listed.topic_count.saturating_sub(shown) {
        0 => String::new(),
        more => format!("and {}\n", humane::count(more, "more topic")),
    };
    let above = listed.threshold.map_or_else(String::new, |threshold| {
        let pool =
            listed.pool.as_ref().map_or_else(String::new, |pool| format!(", for pool {pool}"));
        format!("above: from {threshold} contacts of one customer on{pool}\n")
    });
    format!("{table}{more}contacts count for {window}\n{above}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_told_with_what_is_above_the_threshold() {
        let now = Timestamp::from_second(1_767_600_000).expect("it is an instant");
        let topic = Topic {
            name: "late-delivery".to_owned(),
            repeat_count: 7,
            customer_count: 3,
            most_count: 4,
            above_threshold_count: 2,
            above_threshold: true,
            open_ticket_count: 5,
            first_at: Some(now),
            last_at: Some(now),
        };
        let listed = Listed {
            topics: vec![topic],
            topic_count: 3,
            window_ms: 14 * 86_400_000,
            threshold: Some(3),
            pool: Some("process".to_owned()),
            remembered_count: 9,
        };
        let told = text(&listed, now);
        let line = told.lines().nth(1).expect("a line a topic");
        let words: Vec<_> = line.split_whitespace().take(6).collect();
        assert_eq!(words, ["late-delivery", "7", "3", "4", "2", "5"]);
        assert!(told.contains("and 2 more topics\n"), "{told}");
        assert!(told.contains("from 3 contacts of one customer on, for pool process"), "{told}");
        let none = Listed { topics: Vec::new(), topic_count: 0, ..listed };
        assert!(text(&none, now).starts_with("nobody came twice"));
    }
}
