//! The real engine in virtual time: callers who come, wait and hang up, agents who are always there.
//!
//! Owns the loop that a driver has, without its journal: what is due and what matches is applied until
//! the engine is settled, then one command, then again until settled. Time jumps from one instant at
//! which something happens to the next. Decides nothing itself: who serves whom is the engine's word.

use crate::engine::command::{AgentProfile, Answer, Command, Event, Lookup, Submit};
use crate::engine::decide::Decision;
use crate::engine::model::{
    AgentId, Channel, Content, LeaseToken, Policy, PoolSet, Presence, Report, TicketId,
    TicketNumber, TierIx, Time,
};
use crate::engine::timing::Urgency;
use crate::engine::{Engine, Limits};
use rand::SeedableRng;
use rand_distr::{Distribution, Exp};
use rand_pcg::Pcg64Mcg;
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};
use std::sync::Arc;

/// The engine's instant for what never comes: a pull that waits on, a lease that does not end.
const NEVER: Time = Time(i64::MAX);

/// One caller: when, for which tier, and how long the caller has patience and an agent has work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// When the call comes, in milliseconds since the start.
    pub at_ms: i64,
    /// Its tier.
    pub tier: TierIx,
    /// How the caller reaches us.
    pub channel: Channel,
    /// How long the agent who takes it is busy with it, in milliseconds.
    pub service_ms: i64,
    /// After how long without an agent the caller hangs up, in milliseconds; `None` is never.
    pub patience_ms: Option<i64>,
}

/// Agents who serve in the same pools, there from the start to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crew {
    /// The pools.
    pub pools: PoolSet,
    /// How many agents.
    pub count: usize,
}

/// A tier that always has somebody waiting: the worst that lower tiers can do to a higher one.
/// Its calls are not reported.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backlog {
    /// The tier.
    pub tier: TierIx,
    /// The mean of its exponential handling times, in milliseconds.
    pub service_mean_ms: f64,
    /// The seed of its handling times.
    pub seed: u64,
}

/// What is simulated, beside the callers.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The policy. Its leases are made endless: an agent who is there extends them.
    pub policy: Policy,
    /// The agents.
    pub crews: Vec<Crew>,
    /// A tier whose calls never run out, if there is one.
    pub backlog: Option<Backlog>,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// An agent took it.
    Answered,
    /// The caller hung up first.
    HungUp,
    /// It waited still when nothing more could happen: its pool keeps all its agents for others.
    Left,
}

/// A call that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The call as it came.
    pub arrival: Arrival,
    /// The response target it was given, in milliseconds.
    pub respond_within_ms: i64,
    /// From its arrival to the agent, or to the end of the caller's patience, in milliseconds.
    pub waited_ms: i64,
    /// How it ended.
    pub ending: Ending,
}

impl Outcome {
    /// Whether an agent took the call within its response target.
    pub fn in_deadline(&self) -> bool {
        self.ending == Ending::Answered && self.waited_ms <= self.respond_within_ms
    }
}

/// Who looks on. Nothing is told unless asked for.
pub trait Observer {
    /// A call is over.
    fn ended(&mut self, _outcome: &Outcome) {}

    /// `event` is about to be applied to `before`, at `now`.
    fn event(&mut self, _before: &Engine, _now: Time, _event: &Event) {}

    /// `event` has just been applied, at `now`, and made `after` of the engine.
    fn applied(&mut self, _after: &Engine, _now: Time, _event: &Event) {}
}

/// Lets the callers come in their order, and tells `observer` how each of them fared. Ends when all
/// of them have been served or have hung up, or nothing more can happen.
///
/// Panics if the callers are not in the order of time, or name a tier that the policy lacks.
pub fn simulate(
    setting: &Setting,
    arrivals: impl IntoIterator<Item = Arrival>,
    observer: &mut impl Observer,
) {
    let mut run = Run::new(setting, observer);
    let mut arrivals = arrivals.into_iter().peekable();
    while arrivals.peek().is_some() || run.open_count > 0 {
        let arrival_at = arrivals.peek().map(|arrival| Time(arrival.at_ms));
        let Some(at) = arrival_at.into_iter().chain(run.next_at()).min() else { break };
        assert!(at >= run.now, "callers come in the order of time");
        run.now = at;
        run.settle();
        // In the same instant who calls comes first: in a trace of whole seconds the caller is then
        // seen by the agent who becomes free in that second.
        if arrival_at == Some(at) {
            run.arrive(arrivals.next().expect("it was just seen"));
        } else if let Some(happening) = run.due() {
            run.perform(happening);
        }
    }
    run.leave_the_rest();
}

/// What is sure to happen later.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    /// A caller's patience ends.
    HangUp { ticket: TicketNumber },
    /// An agent's work on a call ends.
    Complete { ticket: TicketNumber, token: LeaseToken, agent: AgentId },
}

/// A call that waits.
#[derive(Clone, Copy)]
enum Call {
    Reported(Arrival),
    Backlogged { service_ms: i64 },
}

/// The backlog's calls to come, and how many are owed now so that it never runs out.
struct Supply {
    tier: TierIx,
    handling: Exp<f64>,
    random: Pcg64Mcg,
    owed_count: usize,
}

struct Run<'a, O> {
    engine: Engine,
    observer: &'a mut O,
    tier_names: Vec<Box<str>>,
    content: Arc<Content>,
    now: Time,
    /// What is sure to happen, by instant and then in the order in which that became known.
    agenda: BinaryHeap<Reverse<(Time, u64, Happening)>>,
    planned_count: u64,
    submitted_count: u64,
    waiting: HashMap<TicketNumber, Call>,
    /// How many of those who wait are to be reported.
    open_count: usize,
    backlog: Option<Supply>,
}

impl<'a, O: Observer> Run<'a, O> {
    fn new(setting: &Setting, observer: &'a mut O) -> Self {
        let mut policy = setting.policy.clone();
        for pool in &mut policy.pools {
            pool.lease_ms = i64::MAX;
        }
        let agent_count = setting.crews.iter().map(|crew| crew.count).sum::<usize>();
        let mut run = Self {
            engine: Engine::new(Limits { tickets_max: u64::MAX, agents_max: u64::MAX }),
            observer,
            tier_names: policy.tiers.iter().map(|tier| Box::from(&*tier.name)).collect(),
            content: Arc::default(),
            now: Time(0),
            agenda: BinaryHeap::new(),
            planned_count: 0,
            submitted_count: 0,
            waiting: HashMap::new(),
            open_count: 0,
            backlog: setting.backlog.map(|backlog| Supply {
                tier: backlog.tier,
                handling: Exp::new(1.0 / backlog.service_mean_ms).expect("a mean above 0"),
                random: Pcg64Mcg::seed_from_u64(backlog.seed),
                owed_count: agent_count + 1,
            }),
        };
        run.ask(Command::ApplyPolicy { policy: Arc::new(policy) });
        let crews = setting.crews.iter().flat_map(|crew| std::iter::repeat_n(crew, crew.count));
        for (at, crew) in crews.enumerate() {
            let agent = AgentId::new(format!("agent-{:04}", at + 1));
            run.ask(Command::PutAgent(AgentProfile {
                id: agent.clone(),
                pools: crew.pools,
                capacity: 1,
                ..AgentProfile::default()
            }));
            run.ask(Command::SetPresence { agent: agent.clone(), presence: Presence::Available });
            run.pull(agent);
        }
        run
    }

    /// The next instant at which anything happens that is not an arrival.
    fn next_at(&self) -> Option<Time> {
        let planned = self.agenda.peek().map(|Reverse((at, ..))| *at);
        let timer = self.engine.next_deadline().filter(|at| *at < NEVER);
        planned.into_iter().chain(timer).min()
    }

    /// Takes what is due now from the agenda.
    fn due(&mut self) -> Option<Happening> {
        let Reverse((at, ..)) = self.agenda.peek()?;
        if *at > self.now {
            return None;
        }
        self.agenda.pop().map(|Reverse((.., happening))| happening)
    }

    fn plan(&mut self, after_ms: i64, happening: Happening) {
        self.planned_count += 1;
        self.agenda.push(Reverse((self.now.plus_ms(after_ms), self.planned_count, happening)));
    }

    fn perform(&mut self, happening: Happening) {
        match happening {
            Happening::HangUp { ticket } => {
                if self.waiting.contains_key(&ticket) {
                    self.over(ticket, Ending::HungUp);
                    let ticket = self.id_of(ticket);
                    self.ask(Command::Cancel { ticket, reason: "".into(), earlier: None });
                }
            }
            Happening::Complete { ticket, token, agent } => {
                self.ask(Command::Complete {
                    ticket: self.id_of(ticket),
                    token,
                    report: Report::default(),
                    earlier: None,
                });
                self.pull(agent);
            }
        }
    }

    fn pull(&mut self, agent: AgentId) {
        self.ask(Command::Pull { agent, request: None, wait_until: NEVER });
    }

    fn arrive(&mut self, arrival: Arrival) {
        self.open_count += 1;
        let ticket = self.submit(arrival.tier, arrival.channel, Call::Reported(arrival));
        if let (true, Some(patience_ms)) = (self.waiting.contains_key(&ticket), arrival.patience_ms)
        {
            self.plan(patience_ms, Happening::HangUp { ticket });
        }
    }

    fn submit(&mut self, tier: TierIx, channel: Channel, call: Call) -> TicketNumber {
        self.submitted_count += 1;
        let decision = self.decide(Command::Submit(Box::new(Submit {
            id: TicketId::new(self.submitted_count.to_string()),
            fingerprint: 0,
            channel,
            urgency: Urgency::Normal,
            caller: None,
            content: self.content.clone(),
            lookup: Lookup::Given { tier: self.tier_names[usize::from(tier.0)].clone() },
            not_before: None,
            earlier: None,
            asked: None,
            topic: None,
        })));
        let Answer::Ticket { number, repeated: false } = decision.answer else {
            unreachable!("every submit is a new ticket")
        };
        self.waiting.insert(number, call);
        self.carry_out(decision);
        number
    }

    fn id_of(&self, ticket: TicketNumber) -> TicketId {
        self.engine.ticket_numbered(ticket).expect("a call that is not over is live").id.clone()
    }

    fn decide(&self, command: Command) -> Decision {
        self.engine.decide(self.now, command).expect("a rehearsal asks for nothing refused")
    }

    fn ask(&mut self, command: Command) {
        let decision = self.decide(command);
        self.carry_out(decision);
    }

    fn carry_out(&mut self, decision: Decision) {
        for event in decision.events {
            self.apply(&event);
        }
        self.settle();
    }

    /// Applies what is due and what matches until there is nothing more.
    fn settle(&mut self) {
        loop {
            while let Some(event) = self.engine.expire(self.now) {
                self.apply(&event);
            }
            if let Some(event) = self.engine.route(self.now) {
                self.apply(&event);
            } else if !self.supply() {
                return;
            }
        }
    }

    /// Submits one call of the backlog, if any is owed.
    fn supply(&mut self) -> bool {
        let Some(backlog) = self.backlog.as_mut().filter(|backlog| backlog.owed_count > 0) else {
            return false;
        };
        backlog.owed_count -= 1;
        let service_ms = whole_ms(backlog.handling.sample(&mut backlog.random));
        let tier = backlog.tier;
        self.submit(tier, Channel::Voice, Call::Backlogged { service_ms });
        true
    }

    fn apply(&mut self, event: &Event) {
        self.observer.event(&self.engine, self.now, event);
        if let Event::Assigned { ticket, agent, token, .. } = event {
            let service_ms = self.over(*ticket, Ending::Answered);
            let (ticket, token, agent) = (*ticket, *token, agent.clone());
            self.plan(service_ms, Happening::Complete { ticket, token, agent });
        }
        self.engine.apply(self.now, event);
        self.observer.applied(&self.engine, self.now, event);
    }

    /// Ends the wait of a live ticket's call, and tells how long an agent will be busy with it.
    fn over(&mut self, ticket: TicketNumber, ending: Ending) -> i64 {
        match self.waiting.remove(&ticket).expect("who waits is known") {
            Call::Reported(arrival) => {
                self.open_count -= 1;
                let live = self.engine.ticket_numbered(ticket).expect("who waits is live");
                self.observer.ended(&Outcome {
                    arrival,
                    respond_within_ms: live.respond_within_ms(),
                    waited_ms: self.now.since_ms(live.submitted_at),
                    ending,
                });
                arrival.service_ms
            }
            Call::Backlogged { service_ms } => {
                if let Some(backlog) = &mut self.backlog {
                    backlog.owed_count += 1;
                }
                service_ms
            }
        }
    }

    /// Reports the calls that nothing can end any more, in their order.
    fn leave_the_rest(&mut self) {
        let reported = |(ticket, call): (&TicketNumber, &Call)| match call {
            Call::Reported(_) => Some(*ticket),
            Call::Backlogged { .. } => None,
        };
        let left: BTreeSet<_> = self.waiting.iter().filter_map(reported).collect();
        for ticket in left {
            self.over(ticket, Ending::Left);
        }
    }
}

/// A drawn duration in whole milliseconds; the engine knows no smaller ones.
pub(super) fn whole_ms(ms: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "a cast stops at the ends of the range")]
    let whole = ms.round() as i64;
    whole
}
