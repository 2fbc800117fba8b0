use super::*;
use crate::driver::Observer as _;
use crate::engine::coding::Found;
use crate::engine::command::{
    AgentProfile, Answer, Command, Lookup, Rejection, ReleaseReason, Submit,
};
use crate::engine::model::{
    AgentId, Channel, Content, LeaseToken, Policy, PoolSet, Presence, Report, TicketId,
};
use crate::engine::timing::Urgency;

/// An engine with its metrics, and a clock that the test turns.
struct Desk {
    engine: Engine,
    metrics: Metrics,
    now: Time,
}

impl Desk {
    /// One agent, who is there.
    fn new() -> Self {
        let policy = policy(include_str!("../../config/default.toml"));
        let mut desk =
            Self { engine: Engine::default(), metrics: Metrics::default(), now: Time(1_000_000) };
        desk.ask(Command::ApplyPolicy { policy });
        let pools = PoolSet::of(desk.engine.policy().pool_named("desk"));
        let agent = AgentId::new("ada");
        desk.ask(Command::PutAgent(AgentProfile {
            id: agent.clone(),
            name: "Ada".into(),
            pools,
            capacity: 1,
            ..AgentProfile::default()
        }));
        desk.ask(Command::SetPresence { agent, presence: Presence::Available });
        desk
    }

    fn try_ask(&mut self, command: Command) -> Result<Answer, Rejection> {
        let decision = self.engine.decide(self.now, command)?;
        for event in &decision.events {
            self.happen(event);
        }
        Ok(decision.answer)
    }

    /// What the rules refuse is told as the driver tells it.
    fn refused(&mut self, command: Command) {
        let rejection = self.try_ask(command).unwrap_err();
        self.metrics.refused(&rejection, &self.engine);
    }

    fn ask(&mut self, command: Command) -> Answer {
        self.try_ask(command).unwrap()
    }

    fn happen(&mut self, event: &Event) {
        self.engine.apply(self.now, event);
        self.metrics.happened(self.now, event, &self.engine);
    }

    /// Lets time pass, and whatever is due by then happen.
    fn pass(&mut self, ms: i64) {
        self.now = self.now.plus_ms(ms);
        while let Some(event) = self.engine.expire(self.now) {
            self.happen(&event);
        }
    }

    fn submit(&mut self, id: &str, lookup: Lookup) {
        self.ask(submit(id, lookup));
    }

    fn gold(&mut self, id: &str) {
        self.submit(id, Lookup::Given { tier: "gold".into() });
    }

    /// The agent takes the next ticket.
    fn pull(&mut self) -> LeaseToken {
        let agent = AgentId::new("ada");
        let answer = self.ask(Command::Pull { agent, request: None, wait_until: self.now });
        let Answer::Holds { number, .. } = answer else { panic!("nothing to hold: {answer:?}") };
        self.engine.ticket_numbered(number).unwrap().assignment().unwrap().token
    }

    fn complete(&mut self, id: &str, token: LeaseToken) {
        self.ask(Command::Complete {
            ticket: TicketId::new(id),
            token,
            report: Report::default(),
            earlier: None,
        });
    }

    fn cancel(&mut self, id: &str) {
        let ticket = TicketId::new(id);
        self.ask(Command::Cancel { ticket, reason: "".into(), earlier: None });
    }

    /// The value of a series, as it stands in the text.
    fn value(&self, series: &str) -> Option<String> {
        let mut text = String::new();
        encode_registry(&mut text, &self.metrics.registry).unwrap();
        let found = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        found.map(str::to_owned)
    }

    #[track_caller]
    fn is(&self, series: &str, value: &str) {
        assert_eq!(self.value(series).as_deref(), Some(value), "{series}");
    }
}

fn submit(id: &str, lookup: Lookup) -> Command {
    Command::Submit(Box::new(Submit {
        id: TicketId::new(id),
        fingerprint: 1,
        channel: Channel::Voice,
        urgency: Urgency::Normal,
        caller: None,
        content: Arc::new(Content::default()),
        lookup,
        not_before: None,
        earlier: None,
        asked: None,
        topic: None,
    }))
}

fn policy(text: &str) -> Arc<Policy> {
    Arc::new(crate::policy::parse("test", text).unwrap().0)
}

const GOLD: &str = r#"tier="gold",channel="voice""#;

#[test]
fn a_ticket_is_counted_from_submit_to_completion() {
    let mut desk = Desk::new();
    desk.gold("t1");
    desk.is(&format!("tierline_tickets_submitted_total{{{GOLD}}}"), "1");
    desk.is(r#"tierline_tickets_tier_source_total{source="given"}"#, "1");
    desk.is(&format!("tierline_tickets_picked_up_total{{{GOLD}}}"), "0");
    desk.pass(5_000);
    let token = desk.pull();
    desk.is(&format!("tierline_tickets_picked_up_total{{{GOLD}}}"), "1");
    desk.is(&format!("tierline_tickets_in_time_total{{{GOLD}}}"), "1");
    desk.is(&format!("tierline_wait_seconds_sum{{{GOLD}}}"), "5.0");
    desk.is(&format!("tierline_wait_seconds_bucket{{le=\"2.0\",{GOLD}}}"), "0");
    desk.is(&format!("tierline_wait_seconds_bucket{{le=\"5.0\",{GOLD}}}"), "1");
    desk.pass(90_000);
    desk.complete("t1", token);
    desk.is(&format!("tierline_tickets_completed_total{{{GOLD}}}"), "1");
    desk.is(&format!("tierline_handle_seconds_sum{{{GOLD}}}"), "90.0");
    desk.is(&format!("tierline_tickets_cancelled_total{{{GOLD}}}"), "0");
}

#[test]
fn a_late_ticket_breaches_once_and_is_not_in_time() {
    let mut desk = Desk::new();
    desk.gold("t1");
    desk.pass(15_001);
    desk.is(&format!("tierline_tickets_breached_total{{{GOLD},deadline=\"response\"}}"), "1");
    desk.is(&format!("tierline_tickets_breached_total{{{GOLD},deadline=\"solution\"}}"), "0");
    desk.pull();
    desk.is(&format!("tierline_tickets_picked_up_total{{{GOLD}}}"), "1");
    desk.is(&format!("tierline_tickets_in_time_total{{{GOLD}}}"), "0");
}

#[test]
fn only_a_ticket_that_nobody_picked_up_is_abandoned() {
    let mut desk = Desk::new();
    desk.gold("t1");
    desk.gold("t2");
    desk.pull();
    desk.cancel("t1");
    desk.cancel("t2");
    desk.is(&format!("tierline_tickets_cancelled_total{{{GOLD}}}"), "2");
    desk.is(&format!("tierline_tickets_abandoned_total{{{GOLD}}}"), "1");
}

#[test]
fn a_lease_that_ends_by_itself_is_counted_and_one_given_back_is_not() {
    let mut desk = Desk::new();
    desk.gold("t1");
    let token = desk.pull();
    let ticket = TicketId::new("t1");
    desk.ask(Command::Release { ticket, token, reason: ReleaseReason::ByAgent("".into()) });
    desk.is(&format!("tierline_tickets_lease_expired_total{{{GOLD}}}"), "0");
    desk.pull();
    desk.pass(15 * 60_000);
    desk.is(&format!("tierline_tickets_lease_expired_total{{{GOLD}}}"), "1");
}

#[test]
fn a_corrected_tier_is_counted_under_the_new_one() {
    let mut desk = Desk::new();
    desk.submit("t1", Lookup::Unavailable);
    desk.is(r#"tierline_tickets_tier_source_total{source="unavailable"}"#, "1");
    let lookup = Lookup::Found(Box::new(Found::plain("gold", "c1")));
    desk.ask(Command::Retier { ticket: TicketId::new("t1"), lookup });
    desk.is(&format!("tierline_tickets_retiered_total{{{GOLD}}}"), "1");
    desk.pull();
    desk.is(&format!("tierline_tickets_picked_up_total{{{GOLD}}}"), "1");
}

#[test]
fn a_new_policy_with_its_tiers_in_another_order_counts_on_under_the_names() {
    let mut desk = Desk::new();
    desk.gold("t1");
    let text = include_str!("../../config/default.toml")
        .replace("version = \"default-1\"", "version = \"turned\"")
        .replace("rank = 1\n", "rank = 9\n");
    desk.ask(Command::ApplyPolicy { policy: policy(&text) });
    assert_eq!(&*desk.engine.policy().tiers[2].name, "gold", "it was the first before");
    desk.gold("t2");
    desk.is(&format!("tierline_tickets_submitted_total{{{GOLD}}}"), "2");
}

#[test]
fn a_call_counts_by_method_and_code_and_no_caller_can_make_a_series() {
    let desk = Desk::new();
    let metrics = Arc::new(Metrics::default());
    let rpcs = Rpcs::new(metrics.clone(), ["a.B/C".to_owned()]);
    rpcs.call("/a.B/C").answered(0);
    rpcs.call("/a.B/C").answered(5);
    drop(rpcs.call("/a.B/C"));
    rpcs.call("/made/up").answered(12);
    rpcs.call("/made/up/too").answered(99);
    let desk = Desk {
        metrics: Arc::try_unwrap({
            drop(rpcs);
            metrics
        })
        .unwrap(),
        ..desk
    };
    for (method, code) in [
        ("a.B/C", "OK"),
        ("a.B/C", "NOT_FOUND"),
        ("a.B/C", "CANCELLED"),
        ("other", "UNIMPLEMENTED"),
    ] {
        desk.is(&format!("tierline_rpcs_total{{method=\"{method}\",code=\"{code}\"}}"), "1");
    }
    desk.is(r#"tierline_rpcs_total{method="other",code="UNKNOWN"}"#, "1");
}

#[test]
fn a_connection_is_open_until_its_guard_is_dropped() {
    let desk = Desk::new();
    let connections = desk.metrics.connections("grpc");
    let open = connections.accepted();
    desk.is(r#"tierline_connections_open{listener="grpc"}"#, "1");
    drop(open);
    desk.is(r#"tierline_connections_open{listener="grpc"}"#, "0");
    desk.is(r#"tierline_connections_accepted_total{listener="grpc"}"#, "1");
    connections.over_limit();
    desk.is(r#"tierline_connections_refused_total{listener="grpc",reason="limit"}"#, "1");
}

#[test]
fn a_channel_that_is_not_offered_is_counted_refused_or_taken() {
    let mut desk = Desk::new();
    let text = include_str!("../../config/default.toml");
    let all = "channels = [\"voice\", \"chat\", \"email\", \"web\", \"callback\", \"outbound\"]";
    let refusing = text.replacen(all, "channels = [\"email\"]", 1).replace("default-1", "lean");
    desk.ask(Command::ApplyPolicy { policy: policy(&refusing) });
    let gold = || Lookup::Given { tier: "gold".into() };
    desk.refused(submit("t1", gold()));
    desk.is(&format!("tierline_channel_not_offered_total{{{GOLD},accepted=\"false\"}}"), "1");
    let taking = refusing.replacen("# not_offered = \"refuse\"", "not_offered = \"accept\"", 1);
    desk.ask(Command::ApplyPolicy { policy: policy(&taking) });
    desk.submit("t1", gold());
    desk.is(&format!("tierline_channel_not_offered_total{{{GOLD},accepted=\"true\"}}"), "1");
    desk.is(&format!("tierline_channel_not_offered_total{{{GOLD},accepted=\"false\"}}"), "1");
    // A tier that may be wrong has refused nothing, and is not counted.
    desk.submit("t2", Lookup::Unavailable);
    desk.is(&format!("tierline_channel_not_offered_total{{{GOLD},accepted=\"true\"}}"), "1");
}
