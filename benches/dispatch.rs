//! How long the engine itself takes: `cargo bench --bench dispatch`.
//!
//! `choose` must take at most a microsecond with a million tickets waiting in four tiers, and with ten
//! million at most half as much again; those take about 3 GB of memory. `cycle` is one submit, one pull and
//! one completion beside what waits already: three answers' worth of rules. `forecast` is what the expected
//! wait adds to a submit: about a microsecond.

use std::sync::Arc;
use tierline::engine::command::{AgentProfile, Answer, Asked, AskedSkill, Command, Lookup, Submit};
use tierline::engine::model::{
    AgentId, Channel, Content, Policy, Pool, PoolIx, PoolSet, Presence, Report, Rule, TicketId,
    TicketNumber, Tier, TierIx, Time,
};
use tierline::engine::needs::{Crew, SkillIx};
use tierline::engine::timing::{Timing, Urgency};
use tierline::engine::wish::SkillMode;
use tierline::engine::{Engine, Limits};
use tierline::forecast::Forecast;

const TIERS: [(&str, i64); 4] =
    [("gold", 15), ("silver", 300), ("bronze", 7_200), ("other", 86_400)];

const SKILLS: u8 = 50;

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

/// The answer to a pull of an agent with one of fifty skills, one of which each waiting ticket requires:
/// at most 10 microseconds with a million in four tiers.
#[divan::bench(args = [1_000_000], sample_size = 1000)]
fn choose_for_a_rare_skill(bencher: divan::Bencher<'_, '_>, waiting_count: u64) {
    let desk = Desk::with_skills(waiting_count);
    bencher.bench(|| {
        let (request, wait_until) = (None, desk.now);
        let pull = Command::Pull { agent: divan::black_box(ann()), request, wait_until };
        let decision = desk.engine.decide(desk.now, pull).expect("she may pull");
        assert!(matches!(decision.answer, Answer::Holds { .. }));
        divan::black_box_drop(decision);
    });
}

/// A ticket comes, the agent asks for the next one and completes it, beside so many that wait.
#[divan::bench(args = [10_000, 1_000_000], sample_size = 1000)]
fn cycle(bencher: divan::Bencher<'_, '_>, waiting_count: u64) {
    let mut desk = Desk::with_waiting(waiting_count);
    bencher.bench_local(|| desk.cycle());
}

/// Why an agent does not get a ticket, beside a million that wait and a thousand agents who wait too, all
/// of them kept free for the highest tier: a pull is tried out on an excerpt. At most a millisecond.
#[divan::bench(args = [1_000_000])]
fn why_not(bencher: divan::Bencher<'_, '_>, waiting_count: u64) {
    let (desk, ticket) = Desk::crowded(waiting_count);
    bencher.bench(|| {
        let told = desk.engine.why_not(divan::black_box(&ticket), &ann(), desk.now);
        assert!(told.is_some_and(|told| !told.would_get));
    });
}

/// What an agent would get, on the same floor.
#[divan::bench(args = [1_000_000])]
fn explain_agent(bencher: divan::Bencher<'_, '_>, waiting_count: u64) {
    let (desk, _) = Desk::crowded(waiting_count);
    bencher.bench(|| desk.engine.explain_agent(divan::black_box(&ann()), desk.now));
}

/// Where a ticket is and why, on the same floor and on one with as many agents as there may be: crews are
/// asked, not agents. At most a millisecond.
#[divan::bench(args = [1_000, 20_000])]
fn explain_ticket(bencher: divan::Bencher<'_, '_>, agent_count: u64) {
    let (desk, ticket) = Desk::crowded_by(1_000_000, agent_count);
    bencher.bench(|| desk.engine.explain(divan::black_box(&ticket), desk.now));
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
    skilled: bool,
}

impl Desk {
    fn with_waiting(waiting_count: u64) -> Self {
        Self::with(waiting_count, false)
    }

    /// Every ticket requires one of the skills; the agent has the last.
    fn with_skills(waiting_count: u64) -> Self {
        Self::with(waiting_count, true)
    }

    fn with(waiting_count: u64, skilled: bool) -> Self {
        let limits = Limits { tickets_max: waiting_count + 1_000_000, agents_max: 1 };
        let payload = vec![7; 200].into();
        let mut desk = Self {
            engine: Engine::new(limits),
            now: Time(1_700_000_000_000),
            content: Arc::new(Content { payload, ..Content::default() }),
            submitted_count: 0,
            skilled,
        };
        desk.ask(Command::ApplyPolicy { policy: Arc::new(policy()) });
        for _ in 0..waiting_count {
            desk.submit();
        }
        desk.ask(Command::PutAgent(AgentProfile {
            id: ann(),
            name: "Ann".into(),
            pools: PoolSet::of([PoolIx(0)]),
            skills: [(SkillIx(SKILLS - 1), 5)].into(),
            capacity: 1,
            ..AgentProfile::default()
        }));
        desk.ask(Command::SetPresence { agent: ann(), presence: Presence::Available });
        desk
    }

    /// A thousand agents who wait beside so many tickets, which a reserve for the highest tier keeps from
    /// all of them; and one of the tickets.
    fn crowded(waiting_count: u64) -> (Self, TicketId) {
        Self::crowded_by(waiting_count, 1000)
    }

    /// The same with so many agents.
    fn crowded_by(waiting_count: u64, agent_count: u64) -> (Self, TicketId) {
        let mut desk = Self::with_waiting(0);
        desk.engine.set_limits(Limits { tickets_max: waiting_count + 1, agents_max: agent_count });
        let mut policy = policy();
        let kept = u32::try_from(agent_count).expect("there are not so many agents");
        policy.pools[0].reserve = vec![(TierIx(0), kept)];
        desk.ask(Command::ApplyPolicy { policy: Arc::new(policy) });
        for number in 1..agent_count {
            let agent = AgentId::new(format!("agent-{number}"));
            let pools = PoolSet::of([PoolIx(0)]);
            let profile =
                AgentProfile { id: agent.clone(), pools, capacity: 1, ..AgentProfile::default() };
            desk.ask(Command::PutAgent(profile));
            desk.ask(Command::SetPresence { agent: agent.clone(), presence: Presence::Available });
            let wait_until = Time(i64::MAX);
            desk.ask(Command::Pull { agent, request: None, wait_until });
        }
        let mut last = TicketId::default();
        for number in 0..waiting_count {
            // The highest tier would be served at once.
            if (desk.submitted_count + 1).is_multiple_of(4) {
                desk.submitted_count += 1;
            }
            desk.submit();
            if number == waiting_count / 2 {
                let newest = desk.engine.tickets_after(TicketNumber(number)).last();
                last = newest.expect("it was just submitted").id.clone();
            }
        }
        (desk, last)
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
            not_before: None,
            earlier: None,
            topic: None,
            asked: self.skilled.then(|| Box::new(asked(number))),
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
        let report = Report { outcome: "done".into(), ..Report::default() };
        self.ask(Command::Complete { ticket, token, report, earlier: None });
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

/// One of the skills, in turn.
fn asked(number: u64) -> Asked {
    let skill = AskedSkill {
        name: format!("skill-{}", number / 4 % u64::from(SKILLS)).into(),
        level: 3,
        mode: SkillMode::Require,
        drop_after_ms: None,
    };
    Asked { skills: [skill].into(), ..Asked::default() }
}

fn ann() -> AgentId {
    AgentId::new("ann")
}

fn policy() -> Policy {
    let tiers = TIERS.map(|(name, seconds)| Tier {
        name: name.into(),
        guard_permille: 250,
        weight_permille: 1000,
        head_start_ms: [0; 6],
        respond_within_ms: [seconds * 1000; 6],
        solve_within_ms: [None; 6],
        expires_after_ms: [None; 6],
        requeue_limit: None,
        park_max_ms: [1000; 6],
        timing: Timing::default(),
        pools: PoolSet::of([PoolIx(0)]),
        ..Tier::default()
    });
    Policy {
        version: "bench".into(),
        rule: Rule::GuardedEdf,
        starve_after_permille: 2000,
        floor_share_permille: 100,
        channels: Default::default(),
        tiers: tiers.into(),
        pools: vec![Pool { name: "desk".into(), lease_ms: 900_000, ..Pool::default() }],
        skills: (0..SKILLS).map(|skill| format!("skill-{skill}").into()).collect(),
        unknown_tier: TierIx(3),
        unavailable_tier: TierIx(3),
        ..Policy::default()
    }
}
