//! A seeded run of the real engine that makes events of every kind, in batches as a driver would.

use rand::{Rng as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;
use std::sync::Arc;
use tierline::engine::capacity::ChannelSet;
use tierline::engine::care::Care;
use tierline::engine::coding::rules::{
    Condition, First, Provisional, Rule as CodingRule, Rules, Test,
};
use tierline::engine::coding::treatment::{Contact, Treatment, Who};
use tierline::engine::coding::{Found, Known, StaleTier, Standing};
use tierline::engine::command::{
    AgentProfile, Command, Event, Lookup, PoolSwitched, ReleaseReason, Submit, WaitEnd,
};
use tierline::engine::decimal::Decimal;
use tierline::engine::escalation::Escalation;
use tierline::engine::hours::{Hours, HoursIx, Offset, Plan, Span, SpecialDay};
use tierline::engine::model::{
    AgentId, Caller, Content, IdentifierKind, Overflow, Policy, Pool, PoolIx, PoolSet, Presence,
    Report, Rule, Ticket, TicketId, TicketNumber, Tier, TierIx, Time,
};
use tierline::engine::offered::Offering;
use tierline::engine::timing::{Timing, Urgency};
use tierline::engine::{Engine, Limits};
use tierline::journal::{FinishedRow, Journal, Seq};

/// When the script begins.
pub(crate) const BEGIN: Time = Time(1_790_000_000_000);

/// What happened in one step.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) events: Vec<(Time, Event)>,
    /// With the place in `events` of what ended them.
    pub(crate) finished: Vec<(usize, FinishedRow)>,
}

impl Batch {
    /// Puts the batch into `journal` and commits it.
    pub(crate) fn commit(
        &self,
        journal: &mut Journal,
    ) -> Result<Seq, tierline::journal::AppendError> {
        let before = journal.pushed();
        for (at, event) in &self.events {
            journal.push(*at, event);
        }
        let rows: Vec<FinishedRow> = self
            .finished
            .iter()
            .map(|(at, row)| FinishedRow { seq: Seq(before.0 + 1 + *at as u64), ..row.clone() })
            .collect();
        journal.commit(&rows)
    }
}

/// The run: its engine is always as the events so far have made it.
pub(crate) struct Script {
    pub(crate) engine: Engine,
    pub(crate) now: Time,
    rng: Pcg64Mcg,
    submitted: u64,
    /// Bytes in a payload at most.
    pub(crate) payload_max: usize,
}

impl Script {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            engine: Engine::new(Limits::default()),
            now: BEGIN,
            rng: Pcg64Mcg::seed_from_u64(seed),
            submitted: 0,
            payload_max: 300,
        }
    }

    /// A run that goes on from `engine`.
    pub(crate) fn resume(engine: Engine, seed: u64) -> Self {
        Self { now: engine.at(), engine, submitted: seed << 32, ..Self::new(seed) }
    }

    /// The first batch: the server starts, with a policy and five agents.
    pub(crate) fn begin(&mut self) -> Batch {
        let mut batch = Batch::default();
        self.carry_out(&mut batch, Command::Start);
        self.carry_out(&mut batch, Command::ApplyPolicy { policy: Arc::new(policy("one")) });
        for n in 0..5 {
            self.put_agent(&mut batch, n);
            let (agent, presence) = (agent(n), Presence::Available);
            self.carry_out(&mut batch, Command::SetPresence { agent, presence });
        }
        batch
    }

    /// One more batch: some commands, and all that follows from them.
    pub(crate) fn step(&mut self) -> Batch {
        let mut batch = Batch::default();
        for _ in 0..self.rng.random_range(1..6) {
            self.now = self.now.plus_ms(self.rng.random_range(0..4000));
            self.settle(&mut batch);
            self.command(&mut batch);
            self.settle(&mut batch);
        }
        if batch.events.is_empty() {
            self.submit(&mut batch);
        }
        batch
    }

    /// A batch in which a pool is paused and every agent begins to drain.
    pub(crate) fn wind_down(&mut self) -> Batch {
        let mut batch = Batch::default();
        let (pool, by, reason) = ("second".into(), "ada".into(), "fire drill".into());
        self.carry_out(&mut batch, Command::PausePool { pool, by, reason });
        for n in 0..5 {
            let (agent, presence) = (agent(n), Presence::Draining);
            self.carry_out(&mut batch, Command::SetPresence { agent, presence });
        }
        self.settle(&mut batch);
        batch
    }

    fn settle(&mut self, batch: &mut Batch) {
        while let Some(event) = self.engine.expire(self.now).or_else(|| self.engine.route(self.now))
        {
            self.happen(batch, event);
        }
    }

    fn command(&mut self, batch: &mut Batch) {
        let n = self.rng.random_range(0..5);
        let agent = agent(n);
        match self.rng.random_range(0..100) {
            0..40 => self.submit(batch),
            40..62 => {
                let wait_until = self.now.plus_ms(self.rng.random_range(0..20_000));
                let request = self.rng.random_bool(0.5).then(|| format!("pull-{n}").into());
                self.carry_out(batch, Command::Pull { agent, request, wait_until });
            }
            62..76 => self.with_held(batch, |ticket| Command::Complete {
                ticket: ticket.id.clone(),
                token: ticket.assignment().expect("it is held").token,
                report: Report {
                    outcome: "solved".into(),
                    note: "told the customer".into(),
                    // Some are a burden.
                    burden: if ticket.number.0.is_multiple_of(3) { "returns" } else { "" }.into(),
                },
                earlier: None,
            }),
            76..80 => {
                let reason = if self.rng.random_bool(0.5) {
                    ReleaseReason::Undelivered
                } else {
                    ReleaseReason::ByAgent("end of shift".into())
                };
                self.with_held(batch, |ticket| Command::Release {
                    ticket: ticket.id.clone(),
                    token: ticket.assignment().expect("it is held").token,
                    reason,
                });
            }
            80..83 => self.with_held(batch, |ticket| Command::Extend {
                ticket: ticket.id.clone(),
                token: ticket.assignment().expect("it is held").token,
                by_ms: Some(60_000),
            }),
            83..87 => self.with_live(batch, |ticket| Command::Cancel {
                ticket: ticket.id.clone(),
                reason: "hung up".into(),
                earlier: None,
            }),
            87 => {
                let urgency = Urgency::ALL[self.rng.random_range(0..4)];
                self.with_live(batch, |ticket| Command::SetUrgency {
                    ticket: ticket.id.clone(),
                    urgency,
                });
            }
            88..90 => {
                let content = Arc::new(self.content());
                self.with_live(batch, |ticket| Command::Update {
                    ticket: ticket.id.clone(),
                    content,
                });
            }
            90..93 => {
                let lookup = self.lookup();
                self.with_live(batch, |ticket| Command::Retier {
                    ticket: ticket.id.clone(),
                    lookup,
                });
            }
            93..96 => {
                let known = self.engine.roster().get(&agent).map(|agent| agent.presence);
                let presence = match known {
                    Some(Presence::Available) => Presence::Away,
                    _ => Presence::Available,
                };
                self.carry_out(batch, Command::SetPresence { agent, presence });
            }
            96 => self.carry_out(batch, Command::StopWaiting { agent }),
            97 => {
                self.put_agent(batch, n + 5);
                self.carry_out(batch, Command::DeleteAgent { agent: self::agent(n + 5) });
            }
            98 => {
                let version = format!("v{}", self.submitted);
                self.carry_out(batch, Command::ApplyPolicy { policy: Arc::new(policy(&version)) });
            }
            _ => self.carry_out(batch, Command::Start),
        }
    }

    fn submit(&mut self, batch: &mut Batch) {
        self.submitted += 1;
        let n = self.submitted;
        let caller = self.rng.random_bool(0.8).then(|| {
            let resolved = self.rng.random_bool(0.5);
            Arc::new(Caller {
                resolved_id: resolved.then(|| format!("customer-{}", n % 7).into()),
                others: if n.is_multiple_of(5) {
                    [(IdentifierKind::Card, "SC-1".into())].into()
                } else {
                    Box::default()
                },
                ..Caller::new(IdentifierKind::Phone, format!("+49 30 {n}"))
            })
        });
        let channel = self.rng.random_range(0..6);
        let submit = Submit {
            id: TicketId::new(format!("ticket-{n}")),
            fingerprint: self.rng.random(),
            channel: tierline::engine::model::Channel::ALL[channel],
            urgency: Urgency::ALL[self.rng.random_range(0..4)],
            caller,
            content: Arc::new(self.content()),
            lookup: self.lookup(),
            not_before: None,
            earlier: None,
            asked: None,
            topic: None,
        };
        self.carry_out(batch, Command::Submit(Box::new(submit)));
    }

    fn content(&mut self) -> Content {
        let len = self.rng.random_range(0..=self.payload_max);
        Content {
            subject: "the heating is cold \u{2744}".into(),
            payload: (0..len).map(|at| u8::try_from(at % 251).expect("below 251")).collect(),
            attributes: if self.rng.random_bool(0.5) {
                [("city".into(), "K\u{f6}ln".into()), ("quote".into(), "\"\\".into())].into()
            } else {
                Box::default()
            },
        }
    }

    fn lookup(&mut self) -> Lookup {
        let tier = ["gold", "silver", "bronze"][self.rng.random_range(0..3)];
        let known = Known {
            because: "assets 250000 >= 100000".into(),
            standing: Standing::ALL[self.rng.random_range(0..4)],
            is_provisional: self.rng.random_bool(0.1),
            agent: Some(agent(1)).filter(|_| self.rng.random_bool(0.5)),
            matched: 1,
            conflict: Some("customer-9".into()),
        };
        let known = if self.rng.random_bool(0.5) { known } else { Known::default() };
        let found = Box::new(Found { known, ..Found::plain(tier, "customer-1") });
        match self.rng.random_range(0..6) {
            0 => Lookup::UnknownCustomer,
            1 => Lookup::Stale { found, age_ms: 4000 },
            2 => Lookup::Unavailable,
            3 => Lookup::Given { tier: tier.into() },
            _ => Lookup::Found(found),
        }
    }

    fn put_agent(&mut self, batch: &mut Batch, n: u64) {
        let pools = PoolSet::of([PoolIx(u8::try_from(n % 3).expect("below 3"))]);
        let profile = AgentProfile {
            id: agent(n),
            name: format!("Agent {n}").into(),
            pools,
            capacity: 3,
            ..AgentProfile::default()
        };
        self.carry_out(batch, Command::PutAgent(profile));
    }

    fn with_held(&mut self, batch: &mut Batch, command: impl FnOnce(&Ticket) -> Command) {
        let held = |ticket: &&Ticket| ticket.assignment().is_some();
        let found = self.engine.tickets_after(TicketNumber(0)).find(held).map(command);
        if let Some(command) = found {
            self.carry_out(batch, command);
        }
    }

    fn with_live(&mut self, batch: &mut Batch, command: impl FnOnce(&Ticket) -> Command) {
        let found = self.engine.tickets_after(TicketNumber(0)).last().map(command);
        if let Some(command) = found {
            self.carry_out(batch, command);
        }
    }

    fn carry_out(&mut self, batch: &mut Batch, command: Command) {
        // What the rules refuse changes nothing, and is as good a part of the run.
        let Ok(decision) = self.engine.decide(self.now, command) else { return };
        for event in decision.events {
            self.happen(batch, event);
        }
    }

    fn happen(&mut self, batch: &mut Batch, event: Event) {
        self.engine.apply(self.now, &event);
        if let Event::Completed { .. } | Event::Cancelled { .. } = event {
            let finished = self.engine.last_finished().expect("one has just ended");
            let row = FinishedRow::of(finished, self.engine.policy(), Seq(0));
            batch.finished.push((batch.events.len(), row));
        }
        batch.events.push((self.now, event));
    }
}

/// Events of which no engine makes one so soon.
pub(crate) fn rare_events() -> [Event; 5] {
    let agent = agent(1);
    let switched = |reason: &str| {
        let (by, reason) = ("ada".into(), reason.into());
        Box::new(PoolSwitched { pool: PoolIx(2), by, reason })
    };
    [
        Event::PoolPaused(switched("fire drill")),
        Event::PoolResumed(switched("")),
        Event::PresenceSet { agent: agent.clone(), presence: Presence::Draining },
        Event::WaitEnded { agent: agent.clone(), why: WaitEnd::Replaced },
        Event::AgentDeleted { agent },
    ]
}

fn agent(n: u64) -> AgentId {
    AgentId::new(format!("agent-{n}"))
}

/// Hours of a zone that changes its clocks, with a day of their own.
fn hours(name: &str, minutes: std::ops::Range<u16>) -> Arc<Hours> {
    let open = Span { from_minute: minutes.start, to_minute: minutes.end };
    let offset = |from_s, ahead_s| Offset { from_s, ahead_s };
    let plan = Plan {
        name: name.into(),
        zone: "Test/Zone".into(),
        offsets: [offset(-7, -1_234), offset(1_790_000_100, 3600), offset(1_800_000_000, 0)].into(),
        week: std::array::from_fn(|_| [open].into()),
        special: [SpecialDay { day: 20_718, name: "M\u{e4}rz".into(), open: Box::default() }]
            .into(),
    };
    Arc::new(Hours::new(plan).expect("the plan is sound"))
}

/// Every condition there is, and everything that a standing can do.
fn coding() -> Rules {
    let asks = |attribute: &str, test| Condition { attribute: attribute.into(), test };
    let number = |text| Decimal::parse(text).expect("a number");
    let all = vec![
        asks("assets", Test::AtLeast(number("100000"))),
        asks("debt", Test::Below(number("-0.125"))),
        asks("segment", Test::Is("vip".into())),
        asks("segment", Test::IsNot("ex".into())),
        asks("city", Test::OneOf(vec!["Bonn".into(), "Ulm".into()])),
        asks("card", Test::Present),
        asks("blocked", Test::Absent),
        asks("since", Test::OlderThan(365)),
        asks("first_order", Test::YoungerThan(30)),
    ];
    let contact = |who, wait_ms| Some(Contact { who, wait_ms });
    let treatment = |scale_permille, contact| Treatment {
        scale_permille,
        lift: 1,
        pools: PoolSet(0b010),
        add_pools: PoolSet(0b100),
        contact,
    };
    Rules {
        first: First::Rules,
        default: Some(TierIx(2)),
        tiers: vec![CodingRule { gives: TierIx(1), all: all.clone() }],
        provisional: Some(Provisional {
            rules: vec![CodingRule { gives: TierIx(0), all: all.clone() }],
            until_orders: Some(3),
            until_days: Some(90),
        }),
        standings: Standing::ALL.map(|gives| CodingRule { gives, all: all.clone() }).into(),
        treatments: [
            treatment(500, contact(Who::Customers, Some(60_000))),
            Treatment::default(),
            treatment(1000, contact(Who::Named(AgentId::new("ann")), None)),
            treatment(2000, None),
        ],
    }
}

/// Three tiers, three pools, and everything a policy can have.
pub(crate) fn policy(version: &str) -> Policy {
    let tier = |name: &str, minutes: i64, pools, solve| Tier {
        stale: StaleTier::ALL[name.len() % 3],
        name: name.into(),
        guard_permille: 250,
        weight_permille: 1000,
        head_start_ms: [0; 6],
        respond_within_ms: [minutes * 60_000; 6],
        solve_within_ms: [solve; 6],
        expires_after_ms: [None; 6],
        requeue_limit: None,
        park_max_ms: [600_000; 6],
        timing: Timing {
            hours: [None, Some(HoursIx(0)), None, Some(HoursIx(1)), None, None],
            urgency_permille: [2000, 1000, 500, 250],
            escalation: vec![Escalation {
                at_permille: 300,
                guard_permille: Some(900),
                pools: PoolSet(0b010),
                hand_to: Some(PoolIx(2)),
                notify: Some("lead".into()),
            }],
        },
        pools,
        offer_callback_above_ms: None,
        overflow: vec![Overflow { after_ms: 40_000, pools: PoolSet(0b111), ..Overflow::default() }],
        queue_max: [Some(1000); 6],
        care: Care { benefits: ["fees waived".into()].into(), treatment: "by name".into() },
        offering: Offering { channels: ChannelSet(0b10_0111), accepts_others: true },
    };
    let pool = |name: &str, reserve| Pool {
        name: name.into(),
        lease_ms: 30_000,
        reserve,
        ..Pool::default()
    };
    Policy {
        version: version.into(),
        rule: Rule::GuardedEdf,
        starve_after_permille: 2000,
        floor_share_permille: 100,
        channels: Default::default(),
        tiers: vec![
            tier("gold", 1, PoolSet(0b001), Some(600_000)),
            tier("silver", 2, PoolSet(0b011), None),
            tier("bronze", 5, PoolSet(0b110), Some(90_000)),
        ],
        pools: vec![
            pool("first", vec![(TierIx(0), 1)]),
            pool("second", Vec::new()),
            pool("third", Vec::new()),
        ],
        hours: vec![hours("always", 0..1440), hours("short", 600..720)],
        unknown_tier: TierIx(2),
        unavailable_tier: TierIx(1),
        retier_later: true,
        coding: coding(),
        source: "# of the test\n".into(),
        ..Policy::default()
    }
}
