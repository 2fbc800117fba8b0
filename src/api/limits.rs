//! Every maximum the server keeps, by name, as `GetServerInfo` tells them.

use super::admin::FAULTS_TOLD_MAX;
use super::proto::v1 as pb;
use super::{SENT_BYTES_MAX, Settings, bulk, validate, work};
use crate::directory;
use crate::driver::{self, QueueView, View};
use crate::engine::contacts::KEYS_MAX;
use crate::engine::model::{Channel, POOLS_MAX, Policy, TIERS_MAX, TierIx};
use crate::engine::needs::SKILLS_MAX;
use crate::engine::push::{BACK_OFFS_MAX, DECLINED_MAX};
use crate::engine::wish::{EXCLUDED_AGENTS_MAX, SKILLS_ASKED_MAX};
use crate::engine::{EXPLAINED_CREWS_MAX, EXTEND_MS_MAX, FINISHED_KEPT_MAX, Limits, QUEUES_MAX};
use crate::journal::POLICY_VERSIONS_MAX;

/// A limit that is kept elsewhere in the house, for the services to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its name, with the unit before `_max`.
    pub name: &'static str,
    /// What it limits, in a sentence.
    pub description: &'static str,
    /// The maximum.
    pub value: u64,
}

/// How much of the limits is used.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Used {
    pub(super) tickets: usize,
    pub(super) agents: usize,
    pub(super) watchers: usize,
    pub(super) work_streams: usize,
}

/// The name of the limit on the waiting tickets of a tier and channel.
pub(super) fn queue_max_name(policy: &Policy, tier: TierIx, channel: Channel) -> String {
    let tier = policy.tiers.get(usize::from(tier.0)).map_or("", |tier| &*tier.name);
    format!("queue_max.{tier}.{}", channel.name())
}

/// Every limit of the policy on waiting tickets, as `view` shows them.
pub(super) fn of_queues(view: &View) -> Vec<pb::Limit> {
    let policy = &view.policy;
    let mut all = Vec::new();
    for (at, tier) in policy.tiers.iter().enumerate() {
        let ix = TierIx(u8::try_from(at).expect("a policy has at most 64 tiers"));
        for channel in Channel::ALL {
            let Some(max) = tier.queue_max[channel.index()] else { continue };
            let own = |queue: &&QueueView| (queue.key.tier, queue.key.channel) == (ix, channel);
            let waiting = view.queues.iter().filter(own).map(|queue| queue.depth).sum();
            let name = queue_max_name(policy, ix, channel);
            let told = limit(&name, "Waiting tickets of this tier and channel.", u64::from(max));
            all.push(told.used(waiting));
        }
    }
    all
}

/// All limits: of what the server holds first, then of single requests.
pub(super) fn told(engine: Limits, settings: &Settings, used: Used) -> Vec<pb::Limit> {
    let mut all = vec![
        limit("tickets_max", "Live tickets, waiting and assigned.", engine.tickets_max)
            .used(used.tickets),
        limit("agents_max", "Registered agents.", engine.agents_max).used(used.agents),
        limit(
            "watchers_max",
            "Calls that watch a ticket, the queues or the events.",
            settings.watchers_max as u64,
        )
        .used(used.watchers),
        limit("work_streams_max", "Agents with a Work stream.", settings.work_streams_max as u64)
            .used(used.work_streams),
    ];
    all.extend(configured(settings));
    all.extend(settings.more.iter().map(|more| limit(more.name, more.description, more.value)));
    let fixed = FIXED.iter().map(|(name, description, value)| limit(name, description, *value));
    all.extend(fixed);
    all
}

fn configured(settings: &Settings) -> [pb::Limit; 8] {
    let driver = &settings.driver;
    let ms = i64::unsigned_abs;
    [
        limit("commands_max", "Calls that wait for the driver.", driver.queue_max as u64),
        limit("batch_max", "Calls whose events go to disk with one sync.", driver.batch_max as u64),
        limit("history_ms_max", "How long finished tickets are kept.", ms(driver.history_ms)),
        limit(
            "message_bytes_max",
            "The size of a message that is read.",
            settings.message_bytes_max as u64,
        ),
        limit("payload_bytes_max", "The payload of a ticket.", settings.payload_bytes_max as u64),
        limit("pull_wait_ms_max", "How long a pull may wait.", ms(settings.pull_wait_ms_max)),
        limit(
            "work_silent_ms_max",
            "How long nothing may be heard on a Work stream.",
            work_silent_ms(settings),
        ),
        limit(
            "submit_stream_in_flight_max",
            "Tickets of one stream that are worked on at once.",
            settings.submit_stream_in_flight_max as u64,
        ),
    ]
}

fn work_silent_ms(settings: &Settings) -> u64 {
    let silent = settings.work_heartbeat * work::SILENT_INTERVALS;
    u64::try_from(silent.as_millis()).unwrap_or(u64::MAX)
}

/// What no configuration changes.
const FIXED: &[(&str, &str, u64)] = &[
    ("answer_bytes_max", "The size of a message that is sent.", SENT_BYTES_MAX as u64),
    ("extend_ms_max", "How far from now a lease may be extended.", EXTEND_MS_MAX.unsigned_abs()),
    ("capacity_max", "Units of work an agent may hold at once.", validate::CAPACITY_MAX as u64),
    (
        "work_buffer_max",
        "Answers that may wait for the reader of a Work stream.",
        work::WORK_BUFFER_MAX as u64,
    ),
    ("work_hello_ms_max", "How long the hello of a Work stream may take.", work::HELLO_MS_MAX),
    (
        "back_offs_max",
        "Tickets kept from an agent at once for having been declined or missed.",
        BACK_OFFS_MAX as u64,
    ),
    (
        "declined_max",
        "Tickets that an agent is remembered to have declined or missed.",
        DECLINED_MAX as u64,
    ),
    (
        "retry_ms_max",
        "The longest delay told to a caller whom a limit on tickets turns away.",
        driver::RETRY_MS_MAX.unsigned_abs(),
    ),
    ("tiers_max", "Tiers of a policy.", TIERS_MAX as u64),
    ("pools_max", "Pools of a policy, and of an agent.", POOLS_MAX as u64),
    ("skills_max", "Skills of a policy, and of an agent.", SKILLS_MAX as u64),
    ("skills_asked_max", "Skills that a ticket asks for.", SKILLS_ASKED_MAX as u64),
    ("excluded_agents_max", "Agents that a ticket excludes.", EXCLUDED_AGENTS_MAX as u64),
    (
        "queues_max",
        "Queues with which a ticket is accepted that needs a new one for its skills or agents.",
        QUEUES_MAX as u64,
    ),
    ("card_bytes_max", "The card of a customer.", super::card::CARD_BYTES_MAX as u64),
    ("contacts_max", "Customers with a topic whose contacts are remembered.", KEYS_MAX as u64),
    (
        "events_per_answer_max",
        "Events in one answer of a stream.",
        super::follow::EVENTS_PER_ANSWER as u64,
    ),
    (
        "event_filter_max",
        "Types, and tiers, in the filter of events.",
        super::follow::FILTER_MAX as u64,
    ),
    ("policy_versions_max", "Versions of the policy that are kept.", POLICY_VERSIONS_MAX as u64),
    (
        "policy_page_size_max",
        "Versions of the policy on a page.",
        super::policies::VERSIONS_PAGE_MAX as u64,
    ),
    ("page_size_max", "Entries on a page.", validate::PAGE_SIZE_MAX as u64),
    ("page_token_bytes_max", "The length of a page token.", validate::PAGE_TOKEN_BYTES_MAX as u64),
    ("queue_id_bytes_max", "The length of a queue's name.", validate::QUEUE_ID_BYTES_MAX as u64),
    ("states_max", "States in the filter of a list.", validate::STATES_MAX as u64),
    (
        "watch_interval_ms_max",
        "The least time between two answers that a watcher may ask for.",
        validate::WATCH_INTERVAL_MS.end().unsigned_abs(),
    ),
    (
        "bulk_tickets_max",
        "Tickets that one bulk action may concern.",
        bulk::BULK_TICKETS_MAX as u64,
    ),
    ("bulk_ids_max", "Tickets that one bulk action may name.", bulk::BULK_IDS_MAX as u64),
    ("import_rows_max", "Rows in one message of an import.", validate::IMPORT_ROWS_MAX as u64),
    ("import_faults_max", "Faulty rows that one import tells.", FAULTS_TOLD_MAX as u64),
    ("violations_max", "Faulty fields that one answer tells.", validate::VIOLATIONS_MAX as u64),
    ("explained_crews_max", "Groups of agents in an explanation.", EXPLAINED_CREWS_MAX as u64),
    (
        "finished_kept_max",
        "Tickets that ended last and are kept in memory for retries.",
        FINISHED_KEPT_MAX as u64,
    ),
    (
        "id_chars_max",
        "The length of an id of a ticket, agent or pull.",
        validate::ID_CHARS_MAX as u64,
    ),
    ("name_chars_max", "The length of a tier's or pool's name.", validate::NAME_CHARS_MAX as u64),
    (
        "agent_name_chars_max",
        "The length of an agent's name.",
        validate::AGENT_NAME_CHARS_MAX as u64,
    ),
    ("subject_chars_max", "The length of a subject.", validate::SUBJECT_CHARS_MAX as u64),
    ("attributes_max", "Attributes of a ticket.", validate::ATTRIBUTES_MAX as u64),
    (
        "attribute_key_chars_max",
        "The length of the key of a ticket's attribute.",
        validate::ATTRIBUTE_KEY_CHARS_MAX as u64,
    ),
    (
        "attribute_value_chars_max",
        "The length of the value of a ticket's attribute.",
        validate::ATTRIBUTE_VALUE_CHARS_MAX as u64,
    ),
    ("outcome_chars_max", "The length of an outcome.", validate::OUTCOME_CHARS_MAX as u64),
    ("note_chars_max", "The length of a note.", validate::NOTE_CHARS_MAX as u64),
    ("reason_chars_max", "The length of a reason.", validate::REASON_CHARS_MAX as u64),
    ("ref_chars_max", "The length of a mark in a stream.", validate::REF_CHARS_MAX as u64),
    (
        "customer_value_chars_max",
        "The length of a customer's id or identifier.",
        directory::VALUE_CHARS_MAX as u64,
    ),
    (
        "customer_tier_chars_max",
        "The length of a customer's tier.",
        directory::TIER_CHARS_MAX as u64,
    ),
    (
        "customer_name_chars_max",
        "The length of a customer's name.",
        directory::NAME_CHARS_MAX as u64,
    ),
    (
        "customer_identifiers_max",
        "Identifiers of a customer beside the id.",
        directory::IDENTIFIERS_MAX as u64,
    ),
    ("customer_attributes_max", "Attributes of a customer.", directory::ATTRIBUTES_MAX as u64),
    (
        "customer_attribute_key_chars_max",
        "The length of the key of a customer's attribute.",
        directory::KEY_CHARS_MAX as u64,
    ),
    (
        "customer_attribute_value_chars_max",
        "The length of the value of a customer's attribute.",
        directory::ATTRIBUTE_CHARS_MAX as u64,
    ),
];

fn limit(name: &str, description: &str, value: u64) -> pb::Limit {
    pb::Limit { name: name.to_owned(), description: description.to_owned(), value, current: None }
}

impl pb::Limit {
    fn used(mut self, count: usize) -> Self {
        self.current = Some(count as u64);
        self
    }
}
