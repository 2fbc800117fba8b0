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
    topic: String,
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
            topic: topic.topic,
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
            window_ms: answer.window.map_or(0, |window| window.seconds.saturating_mul(1000)),
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
            (&topic.topic).into(),
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
