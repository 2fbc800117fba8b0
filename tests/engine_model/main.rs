//! The engine beside a naive model of it, under random policies and random commands.
//!
//! Every answer, every rejection, every match and everything that falls due must be what the model
//! says, and after every event the engine must pass its audit and equal its replay and its image.
//! `PROPTEST_CASES` sets how many runs there are (256).

mod acts;
mod foretold;
mod model;

use acts::{AGENTS, Act, acts, crews, policies};
use foretold::Foretold;
use model::{Model, Next, ms};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use tierline::engine::command::{Answer, Command, Event, Rejection};
use tierline::engine::dispatch::Choice;
use tierline::engine::model::{LeaseToken, Policy, Presence, TicketNumber, Time};
use tierline::engine::{Engine, Limits};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_does_what_the_naive_model_does(
        policy in policies(),
        limits in (8..80_u64, 4..7_u64),
        crews in prop::collection::vec((crews(), 1..4_u16), AGENTS),
        acts in prop::collection::vec(acts(), 100..300),
    ) {
        let mut pair = Pair::new(policy, limits);
        for (agent, (pools, capacity)) in crews.into_iter().enumerate() {
            pair.act(&Act::Agent { agent, pools, capacity });
            pair.act(&Act::Presence { agent, presence: Presence::Available });
        }
        for act in acts {
            pair.act(&act);
        }
    }
}

/// The engine, its replay and the model, in step.
struct Pair {
    engine: Engine,
    replay: Engine,
    model: Model,
    now: i64,
}

impl Pair {
    fn new(policy: Policy, (tickets_max, agents_max): (u64, u64)) -> Self {
        let policy = Arc::new(policy);
        let limits = Limits { tickets_max, agents_max };
        let mut pair = Self {
            engine: Engine::new(limits),
            replay: Engine::new(limits),
            model: Model::new(&policy, tickets_max, agents_max),
            now: 1_000_000,
        };
        pair.apply(&Event::PolicyApplied { policy, change: None });
        pair
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Pass { ms } => self.pass(*ms),
            Act::Restart => {
                self.engine = Engine::from_image(self.engine.image(), self.engine.limits());
                self.ask(&Command::Start);
            }
            Act::Policy(_)
            | Act::Agent { .. }
            | Act::Delete { .. }
            | Act::Presence { .. }
            | Act::Pause { .. }
            | Act::Submit { .. }
            | Act::Update { .. }
            | Act::Urgency { .. }
            | Act::Retier { .. }
            | Act::Cancel { .. }
            | Act::Pull { .. }
            | Act::Stop { .. }
            | Act::Extend { .. }
            | Act::Complete { .. }
            | Act::Release { .. }
            | Act::Park { .. }
            | Act::Transfer { .. }
            | Act::Callback { .. }
            | Act::Resume { .. } => {
                self.ask(&act.command(&self.model, self.now).expect("every other act is one"));
            }
        }
        self.compare();
    }

    /// Time passes; whatever falls due on the way happens at its own instant, unless the process
    /// sleeps through it.
    fn pass(&mut self, by_ms: i64) {
        let until = self.now + by_ms;
        let asleep = by_ms % 7 == 0;
        loop {
            let due = self.engine.next_deadline().map(ms);
            assert_eq!(due, self.model.next_deadline(self.now), "the next instant");
            match due.filter(|due| *due <= until && !asleep) {
                None => break,
                Some(due) => {
                    self.now = due.max(self.now);
                    self.settle();
                }
            }
        }
        self.now = until;
        self.settle();
    }

    fn ask(&mut self, command: &Command) {
        let asked = format!("{command:?} at {}", self.now);
        let given = self.engine.decide(Time(self.now), command.clone());
        let expected = self.model.ask(self.now, command);
        let mut foretold = Foretold::of(command, Time(self.now), &self.engine);
        match given {
            Ok(decision) => {
                if matches!(decision.answer, Answer::Holds { repeated: true, .. }) {
                    foretold = None;
                }
                assert_eq!(Ok(decision.answer), expected, "{asked}");
                for event in &decision.events {
                    self.apply(event);
                }
            }
            Err(given) => {
                // The engine keeps no list of old tokens; it may take another ticket's old token for
                // one of this ticket's. Refused it is, either way.
                let given = match (&expected, given, command) {
                    (
                        Err(Rejection::TokenUnknown),
                        Rejection::LeaseEnded | Rejection::LeaseSuperseded,
                        Command::Extend { token, .. }
                        | Command::Complete { token, .. }
                        | Command::Release { token, .. }
                        | Command::Park { token, .. }
                        | Command::Transfer { token, .. },
                    ) if (1..self.model.next_token).contains(&token.0) => Rejection::TokenUnknown,
                    (_, given, _) => given,
                };
                assert_eq!(Err(given), expected, "{asked}");
            }
        }
        self.settle();
        if let Some(foretold) = foretold {
            foretold.check(&self.engine, &asked);
        }
    }

    /// Matches and expires until nothing is left to do at this instant.
    fn settle(&mut self) {
        loop {
            let at = Time(self.now);
            let matched = self.engine.route(at);
            let (event, expected) = if matched.is_some() {
                (matched, self.model.next_match(self.now))
            } else {
                assert_eq!(self.model.next_match(self.now), None, "the engine matches nothing");
                (self.engine.expire(at), self.model.next_due(self.now))
            };
            let given = event.as_ref().and_then(|event| self.model.happening(event));
            assert_eq!(given, expected, "at {}", self.now);
            let Some((event, what)) = event.zip(expected) else { break };
            self.apply(&event);
            self.model.happen(&what, self.now);
        }
    }

    fn apply(&mut self, event: &Event) {
        let at = Time(self.now);
        self.engine.apply(at, event);
        self.replay.apply(at, event);
        if let Err(wrong) = self.engine.audit() {
            panic!("{wrong} after {event:?}");
        }
        assert!(self.replay == self.engine, "the same events give the same engine: {event:?}");
        let again = Engine::from_image(self.engine.image(), self.engine.limits());
        assert!(again == self.engine, "the image gives the same engine: {event:?}");
    }

    /// Every ticket, agent and pool is as the model has it, and so is what anyone would get next.
    fn compare(&self) {
        let (engine, model) = (&self.engine, &self.model);
        let policy = engine.policy();
        assert_eq!(engine.ticket_count(), model.tickets.len());
        let mut unconfirmed = Vec::new();
        for expected in &model.tickets {
            let ticket = engine.ticket(&expected.id).expect("the model has it");
            let id = &expected.id;
            assert_eq!(ticket.number, TicketNumber(expected.number), "{id}");
            assert_eq!(policy.tier(ticket.tier).name, expected.tier, "{id}");
            assert_eq!(ticket.tier_source, expected.source, "{id}");
            assert_eq!(ticket.content, expected.content, "{id}");
            assert_eq!(ticket.submitted_at, Time(expected.submitted), "{id}");
            assert_eq!(ticket.urgency, expected.urgency, "{id}");
            assert_eq!(ticket.respond_by, Time(expected.respond_by), "{id}");
            assert_eq!(ticket.solve_by, expected.solve_by.map(Time), "{id}");
            assert_eq!(model.names(ticket.pools), expected.pools, "{id}");
            assert_eq!(usize::from(ticket.overflow_step), expected.steps, "{id}");
            assert_eq!(ticket.picked_up_at, expected.picked_up.map(Time), "{id}");
            assert_eq!(ticket.response_breached, expected.late, "{id}");
            assert_eq!(ticket.solution_breached, expected.unsolved, "{id}");
            assert_eq!(ticket.assigned_count as usize, expected.tokens.len(), "{id}");
            let customer = ticket.caller.as_ref().and_then(|caller| caller.customer_id());
            assert_eq!(customer, expected.customer.as_deref(), "{id}");
            let known = ticket.caller.as_ref().and_then(|caller| caller.known.as_deref());
            assert_eq!(known.cloned().unwrap_or_default(), expected.known, "{id}");
            if let Some(customer) = customer {
                let mut found = engine.tickets_of(customer);
                assert!(found.any(|found| found.number == ticket.number), "{id}");
            }
            assert_eq!(ticket.counts_from(), Time(expected.counts_from), "{id}");
            assert_eq!(ticket.channel, expected.channel, "{id}");
            assert_eq!(ticket.requeue_count(), expected.returns, "{id}");
            assert_eq!(ticket.is_dead_letter(), expected.dead, "{id}");
            assert_eq!(ticket.expires_at(), expected.expires.map(Time), "{id}");
            assert_eq!(ticket.leg(), expected.leg(), "{id}");
            let ledger = ticket.ledger(Time(self.now));
            for (leg, spent) in expected.legs(self.now) {
                assert_eq!((ledger.of(leg).ms, ledger.of(leg).count), spent, "{id} {leg:?}");
            }
            match (ticket.assignment(), &expected.lease) {
                (None, None) if !expected.is_waiting() => {
                    assert!(
                        engine.queues().iter().all(|(_, q)| q.iter().all(|n| n != ticket.number))
                    );
                }
                (None, None) => {
                    assert_eq!(engine.ahead_of(ticket), model.ahead_of(expected), "{id}");
                }
                (Some(given), Some(lease)) => {
                    assert_eq!(given.agent, lease.agent, "{id}");
                    let pool = given.pool.map(|pool| policy.pool(pool).name.clone());
                    assert_eq!(pool, lease.pool, "{id}");
                    assert_eq!(given.token, LeaseToken(lease.token), "{id}");
                    assert_eq!(given.assigned_at, Time(lease.began), "{id}");
                    assert_eq!(given.lease_until, Time(lease.until), "{id}");
                    assert_eq!(given.request, lease.request, "{id}");
                }
                (given, expected) => panic!("{id}: {given:?} instead of {expected:?}"),
            }
            if expected.source.is_unconfirmed() {
                unconfirmed.push(expected.number);
            }
        }
        unconfirmed.sort_unstable();
        let given = engine.unconfirmed_after(TicketNumber(0)).map(|ticket| ticket.number.0);
        assert!(given.eq(unconfirmed), "the unconfirmed tickets");
        self.compare_agents();
        for pool in &policy.pools {
            let record = engine.record(policy.pool_named(&pool.name).expect("it is the policy's"));
            let learnt = &model.learnt[&pool.name];
            assert_eq!(record.paused.is_some(), model.paused.contains(&pool.name));
            assert_eq!(record.handled_count, learnt.handled.unsigned_abs());
            assert_eq!(record.mean_handle_us, learnt.mean_us);
            let passed_by = record.passed_by.iter();
            let passed_by =
                passed_by.map(|(tier, count)| (policy.tier(*tier).name.clone(), *count));
            assert_eq!(passed_by.collect::<BTreeMap<_, _>>(), learnt.passed_by);
        }
    }

    fn compare_agents(&self) {
        let (engine, model) = (&self.engine, &self.model);
        assert_eq!(engine.roster().len(), model.agents.len());
        for expected in &model.agents {
            let id = &expected.id;
            let agent = engine.roster().get(id).expect("the model has it");
            assert_eq!(model.names(agent.pools), expected.pools, "{id}");
            assert_eq!(agent.presence, expected.presence, "{id}");
            assert_eq!(agent.idle_since, Time(expected.idle_since), "{id}");
            let held: Vec<u64> = agent.held.iter().map(|number| number.0).collect();
            assert_eq!(held, expected.held, "{id}");
            let wait = agent.wait.as_ref().map(|wait| (ms(wait.until), wait.request.clone()));
            assert_eq!(wait, expected.wait, "{id}");
            // A question by a crew: its own waiting agents count already.
            let crew = engine.roster().crew_of(agent);
            let counted = engine.roster().crew_waits(&crew);
            let survey = engine.survey(&crew, Time(self.now));
            let given = match survey.choice {
                Choice::Take(at, step) => {
                    let next = &survey.heads[at];
                    let pool = engine.policy().pool(next.pool).name.clone();
                    Next::Take { ticket: next.ticket.0, pool, step }
                }
                Choice::HeldForTier => Next::Held,
                Choice::Nothing => Next::Nothing,
            };
            // Who is full has no channel open: every piece of work costs one unit here.
            let is_full = expected.held.len() >= usize::from(expected.capacity);
            let next = if is_full {
                Next::Nothing
            } else {
                model.next(&model.open(expected), counted, self.now)
            };
            assert_eq!(given, next, "{id}");
        }
    }
}
