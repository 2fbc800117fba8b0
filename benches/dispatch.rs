//! How long the engine itself takes: `cargo bench --bench dispatch`.
//!
//! `choose` must take at most a microsecond with a million tickets waiting in four tiers, and with ten
//! million at most half as much again; those take about 3 GB of memory. `cycle` is one submit, one pull and
//! one completion beside what waits already: three answers' worth of rules. `forecast` is what the expected
//! wait adds to a submit: about a microsecond.

use std::sync::Arc;
use tierline::engine::command::{AgentProfile, Answer, Command, Lookup, Submit};
use tierline::engine::model::{
    AgentId, Channel, Content, Policy, Pool, PoolIx, PoolSet, Presence, Rule, TicketId, Tier,
    TierIx, Time,
};
use tierline::engine::needs::Crew;
use tierline::engine::timing::{Timing, Urgency};
use tierline::engine::{Engine, Limits};
use tierline::forecast::Forecast;

const TIERS: [(&str, i64); 4] =
    [("gold", 15), ("silver", 300), ("bronze", 7_200), ("other", 86_400)];

fn main() {
    divan::main();
}

/// Choosing the next ticket with so many waiting in four tiers.
#[divan::bench(args = [1_000_000, 10_000_000], sample_size = 1000)]
fn choose(bencher: divan::Bencher<'_, '_>, waiting_count: u64) {
    let desk = Desk::with_waiting(waiting_count);
    let crew = Crew::of_pools(PoolSet::of([PoolIx(0)]));
    // Dropped at once, as the driver does: a thousand kept answers would measure the cache.
    bencher.bench(|| {
        let survey = desk.engine.survey(divan::black_box(&crew), divan::black_box(desk.now));
        divan::black_box_drop(survey);
    });
}

/// A ticket comes, the agent asks for the next one and completes it, beside so many that wait.
#[divan::bench(args = [10_000, 1_000_000], sample_size = 1000)]
fn cycle(bencher: divan::Bencher<'_, '_>, waiting_count: u64) {
    let mut desk = Desk::with_waiting(waiting_count);
    bencher.bench_local(|| desk.cycle());
}

/// The expected wait of the ticket that came last, as it is told at its submit.
#[divan::bench(args = [10_000, 1_000_000], sample_size = 1000)]
fn forecast(bencher: divan::Bencher<'_, '_>, waiting_count: u64) {
    let desk = Desk::with_waiting(waiting_count);
    let (_, queue) = desk.engine.queues().iter().last().expect("somebody waits");
    let last = queue.iter().last().expect("it does not run empty");
    let ticket = desk.engine.ticket_numbered(last).expect("who waits is live");
    bencher.bench(|| Forecast::of(divan::black_box(&desk.engine), ticket, desk.now));
}

/// One agent, one pool, four tiers.
struct Desk {
    engine: Engine,
    now: Time,
    content: Arc<Content>,
    submitted_count: u64,
}

impl Desk {
    fn with_waiting(waiting_count: u64) -> Self {
        let limits = Limits { tickets_max: waiting_count + 1_000_000, agents_max: 1 };
        let payload = vec![7; 200].into();
        let mut desk = Self {
            engine: Engine::new(limits),
            now: Time(1_700_000_000_000),
            content: Arc::new(Content { payload, ..Content::default() }),
            submitted_count: 0,
        };
        desk.ask(Command::ApplyPolicy { policy: Arc::new(policy()) });
        for _ in 0..waiting_count {
            desk.submit();
        }
        desk.ask(Command::PutAgent(AgentProfile {
            id: ann(),
            name: "Ann".into(),
            pools: PoolSet::of([PoolIx(0)]),
            capacity: 1,
            ..AgentProfile::default()
        }));
        desk.ask(Command::SetPresence { agent: ann(), presence: Presence::Available });
        desk
    }

    /// Ten tickets a millisecond, the tiers in turn.
    fn submit(&mut self) {
        self.submitted_count += 1;
        let number = self.submitted_count;
        if number.is_multiple_of(10) {
            self.now = self.now.plus_ms(1);
        }
        // A UUID of version 7, as the server makes them.
        let (high, low) = (self.now.0 >> 16, self.now.0 & 0xffff);
        let random = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (group, rest) = (random & 0xfff, random >> 16);
        let id = format!("{high:08x}-{low:04x}-7{group:03x}-9a51-{rest:012x}");
        let tier = TIERS[usize::try_from(number % 4).expect("below 4")].0;
        self.ask(Command::Submit(Box::new(Submit {
            id: TicketId::new(id),
            fingerprint: number,
            urgency: Urgency::Normal,
            channel: Channel::Web,
            caller: None,
            content: self.content.clone(),
            lookup: Lookup::Given { tier: tier.into() },
            earlier: None,
            asked: None,
        })));
    }

    fn cycle(&mut self) {
        self.submit();
        let wait_until = self.now;
        let pulled = self.ask(Command::Pull { agent: ann(), request: None, wait_until });
        let Answer::Holds { number, .. } = pulled else { panic!("{pulled:?}") };
        let held = self.engine.ticket_numbered(number).expect("it was just assigned");
        let token = held.assignment().expect("it was just assigned").token;
        let ticket = held.id.clone();
        let (outcome, note) = ("done".into(), "".into());
        self.ask(Command::Complete { ticket, token, outcome, note, earlier: None });
    }

    /// What the driver does with a command.
    fn ask(&mut self, command: Command) -> Answer {
        let decision = self.engine.decide(self.now, command).expect("nothing here is refused");
        for event in &decision.events {
            self.engine.apply(self.now, event);
        }
        while let Some(event) = self.engine.route(self.now) {
            self.engine.apply(self.now, &event);
        }
        decision.answer
    }
}

fn ann() -> AgentId {
    AgentId::new("ann")
}

fn policy() -> Policy {
    let tiers = TIERS.map(|(name, seconds)| Tier {
        name: name.into(),
        guard_permille: 250,
        weight_permille: 1000,
        respond_within_ms: [seconds * 1000; 6],
        solve_within_ms: [None; 6],
        timing: Timing::default(),
        pools: PoolSet::of([PoolIx(0)]),
        ..Tier::default()
    });
    Policy {
        version: "bench".into(),
        rule: Rule::GuardedEdf,
        starve_after_permille: 2000,
        floor_share_permille: 100,
        tiers: tiers.into(),
        pools: vec![Pool { name: "desk".into(), lease_ms: 900_000, ..Pool::default() }],
        unknown_tier: TierIx(3),
        unavailable_tier: TierIx(3),
        ..Policy::default()
    }
}
