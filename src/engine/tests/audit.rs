//! The audit finds what was broken on purpose, makes it harmless, and nothing at fault is ever served.

use crate::engine::command::{
    AgentProfile, Command, Event, Intervention, Lookup, Rejection, Submit, WaitEnd,
};
use crate::engine::life::Leg;
use crate::engine::model::{
    AgentId, Channel, Content, LeaseToken, PoolIx, PoolSet, Presence, Report, State, Ticket,
    TicketId, TicketNumber, Time,
};
use crate::engine::quarantine::{Audited, Flaw};
use crate::engine::tests::script::policy;
use crate::engine::timing::Urgency;
use crate::engine::{Audit, Engine, Fault, Limits};
use std::sync::Arc;

const POLICY: &str = "guarded-edf v1; tier gold 15s desk; tier standard 60s desk; pool desk";

/// An engine with its journal.
struct Stage {
    engine: Engine,
    journal: Vec<(Time, Event)>,
    now: Time,
}

impl Stage {
    /// Ann holds `held`; `first` and `second` wait; bob waits for nothing that is there for him.
    fn set() -> Self {
        let mut stage =
            Self { engine: Engine::new(Limits::default()), journal: Vec::new(), now: Time(0) };
        stage.ask(Command::ApplyPolicy { policy: Arc::new(policy(POLICY)) });
        for id in ["ann", "bob"] {
            let id = AgentId::new(id);
            let profile = AgentProfile {
                id: id.clone(),
                pools: PoolSet::of([PoolIx(0)]),
                capacity: 3,
                ..AgentProfile::default()
            };
            stage.ask(Command::PutAgent(profile));
            stage.ask(Command::SetPresence { agent: id, presence: Presence::Available });
        }
        stage.submit("held");
        stage.pull("ann");
        stage.submit("first");
        stage.submit("second");
        stage.engine.audit().expect("all is well so far");
        stage
    }

    fn ask(&mut self, command: Command) {
        let decision = self.engine.decide(self.now, command).expect("the rules allow it");
        for event in decision.events {
            self.happen(event);
        }
    }

    fn happen(&mut self, event: Event) {
        self.engine.apply(self.now, &event);
        self.journal.push((self.now, event));
    }

    fn submit(&mut self, id: &str) {
        self.ask(Command::Submit(Box::new(Submit {
            id: TicketId::new(id),
            fingerprint: 0,
            channel: Channel::Voice,
            caller: None,
            content: Arc::new(Content::default()),
            lookup: Lookup::Given { tier: "gold".into() },
            not_before: None,
            earlier: None,
            asked: None,
            topic: None,
            urgency: Urgency::Normal,
        })));
    }

    /// The ticket that the agent gets.
    fn pull(&mut self, agent: &str) -> Option<String> {
        let before = self.journal.len();
        let agent = AgentId::new(agent);
        self.ask(Command::Pull { agent, request: None, wait_until: self.now });
        self.journal[before..].iter().find_map(|(_, event)| match event {
            Event::Assigned { ticket, .. } => {
                self.engine.ticket_numbered(*ticket).map(|ticket| ticket.id.to_string())
            }
            _ => None,
        })
    }

    fn ticket(&self, id: &str) -> Ticket {
        self.engine.ticket_numbered(self.number(id)).expect("a live ticket").clone()
    }

    /// Found by looking at all, whatever the index says.
    fn number(&self, id: &str) -> TicketNumber {
        let mut all = self.engine.tickets_after(TicketNumber(0));
        all.find(|ticket| ticket.id == TicketId::new(id)).expect("a live ticket").number
    }

    /// Audits in steps of two, and makes what is found harmless.
    fn audit(&mut self) -> Vec<Fault> {
        let mut audit = Audit::default();
        let mut found = Vec::new();
        while !audit.is_over() {
            for fault in self.engine.audit_step(&mut audit, 2) {
                self.happen(Event::Audited(fault.remedy()));
                found.push(fault);
            }
        }
        self.engine.audit().expect("all is well again");
        assert_eq!(
            Engine::from_image(self.engine.image(), Limits::default()),
            self.engine,
            "an image keeps the quarantine"
        );
        found
    }

    /// The same events without the damage give the same engine.
    fn replays(&self) {
        let mut again = Engine::new(Limits::default());
        for (at, event) in &self.journal {
            again.apply(*at, event);
        }
        assert_eq!(again, self.engine);
    }
}

/// Breaks something, and expects that flaw of `first`: it is quarantined, not served, and released into its
/// old place.
fn check_quarantine(flaw: Flaw, break_it: impl FnOnce(&mut Engine, &Ticket)) {
    let mut stage = Stage::set();
    let first = stage.ticket("first");
    break_it(&mut stage.engine, &first);
    let found = stage.audit();
    assert_eq!(found, [Fault { flaw, ticket: Some(first.number), agent: None }]);
    let quarantined: Vec<_> = stage.engine.quarantined().map(|t| t.id.to_string()).collect();
    assert_eq!(quarantined, ["first"]);
    assert!(matches!(stage.ticket("first").state, State::Quarantined(q) if q.flaw == flaw));
    assert_eq!(stage.pull("bob"), Some("second".to_owned()), "nothing at fault is served");
    stage.ask(Command::ReleaseQuarantined { ticket: TicketId::new("first") });
    stage.engine.audit().expect("it is in its place");
    assert_eq!(stage.pull("bob"), Some("first".to_owned()));
    stage.replays();
}

#[test]
fn a_sound_engine_has_no_fault() {
    let mut stage = Stage::set();
    assert_eq!(stage.audit(), []);
    stage.replays();
}

#[test]
fn a_waiting_ticket_that_is_in_no_queue_is_quarantined() {
    check_quarantine(Flaw::Queue, |engine, ticket| {
        engine.queues.remove(ticket, &engine.tickets, &mut engine.roster);
    });
}

#[test]
fn a_ticket_without_its_timer_is_quarantined() {
    check_quarantine(Flaw::Timer, |engine, ticket| {
        engine.timers.remove_ticket(ticket, &engine.policy);
    });
}

#[test]
fn a_ticket_whose_id_leads_nowhere_is_quarantined() {
    check_quarantine(Flaw::Id, |engine, ticket| engine.ids.remove(ticket));
}

#[test]
fn a_ticket_wrongly_listed_for_confirmation_is_quarantined() {
    check_quarantine(Flaw::Confirmation, |engine, ticket| {
        engine.unconfirmed.insert(ticket.number);
    });
}

#[test]
fn an_assigned_ticket_that_stands_in_a_queue_is_quarantined_and_served_to_nobody_else() {
    let mut stage = Stage::set();
    let mut held = stage.ticket("held");
    held.state = State::Waiting;
    stage.engine.queues.insert(&held, &mut stage.engine.roster);
    let fault = Fault { flaw: Flaw::Queue, ticket: Some(held.number), agent: None };
    assert_eq!(stage.audit(), [fault]);
    let ann = stage.engine.roster().get(&AgentId::new("ann")).expect("she is registered");
    assert_eq!(ann.held, [], "nobody holds what is quarantined");
    let done = Command::Complete {
        ticket: TicketId::new("held"),
        token: LeaseToken(1),
        report: Report::default(),
        earlier: None,
    };
    assert_eq!(stage.engine.decide(stage.now, done), Err(Rejection::TicketQuarantined));
    stage.replays();
}

#[test]
fn an_assigned_ticket_that_its_agent_does_not_list_is_quarantined_and_may_be_withdrawn() {
    let mut stage = Stage::set();
    stage.now = stage.now.plus_ms(3000);
    let held = stage.number("held");
    stage.engine.roster.take(&AgentId::new("ann"), held, Channel::Voice, Time(0));
    let fault = Fault { flaw: Flaw::Holder, ticket: Some(held), agent: None };
    assert_eq!(stage.audit(), [fault]);
    // The time that it was in hand is not lost with it.
    let quarantined = stage.ticket("held");
    let worked: i64 = quarantined.life.iter().flat_map(|life| &life.worked).map(|w| w.ms).sum();
    let in_hand_ms = quarantined.ledger(stage.now).of(Leg::Agent).ms;
    assert!(worked == in_hand_ms && worked > 0, "{worked} of {in_hand_ms}");
    let ticket = TicketId::new("held");
    stage.ask(Command::Cancel { ticket, reason: "at fault".into(), earlier: None });
    assert_eq!(stage.engine.quarantined_count(), 0);
    stage.engine.audit().expect("nothing is left of it");
    stage.replays();
}

#[test]
fn a_ticket_held_by_a_token_from_the_future_is_quarantined() {
    let mut stage = Stage::set();
    let held = stage.number("held");
    stage.engine.next_token = LeaseToken(1);
    let mut audit = Audit::default();
    let found = stage.engine.audit_step(&mut audit, 1);
    assert_eq!(found, [Fault { flaw: Flaw::Token, ticket: Some(held), agent: None }]);
    stage.engine.next_token = LeaseToken(2);
    stage.happen(Event::Audited(found[0].remedy()));
    stage.replays();
}

#[test]
fn an_agent_who_lists_the_ticket_of_another_is_put_right_and_the_ticket_stays() {
    let mut stage = Stage::set();
    let held = stage.number("held");
    let bob = AgentId::new("bob");
    stage.engine.roster.give(&bob, held, Channel::Voice, LeaseToken(0));
    let fault = Fault { flaw: Flaw::Agent, ticket: None, agent: Some(bob.clone()) };
    assert_eq!(stage.audit(), [fault]);
    assert_eq!(stage.engine.roster().get(&bob).expect("he is registered").held, []);
    assert!(stage.ticket("held").assignment().is_some());
    stage.replays();
}

#[test]
fn a_timer_of_nothing_and_an_entry_too_many_are_removed() {
    let mut stage = Stage::set();
    let mut ghost = stage.ticket("second");
    ghost.number = TicketNumber(999);
    let Engine { timers, policy, queues, roster, .. } = &mut stage.engine;
    timers.add_ticket(&ghost, policy);
    queues.insert(&ghost, roster);
    let flaws: Vec<_> = stage.audit().iter().map(|fault| fault.flaw).collect();
    assert_eq!(flaws, [Flaw::Stray], "the first repair mends the counts too");
    assert_eq!(stage.engine.quarantined_count(), 0);
    stage.replays();
}

#[test]
fn a_queue_with_an_entry_too_many_does_not_add_up() {
    let mut stage = Stage::set();
    let mut ghost = stage.ticket("second");
    ghost.number = TicketNumber(999);
    stage.engine.queues.insert(&ghost, &mut stage.engine.roster);
    assert_eq!(stage.audit(), [Fault { flaw: Flaw::Counts, ticket: None, agent: None }]);
    stage.replays();
}

#[test]
fn a_supervisor_gives_a_quarantined_ticket_to_nobody_before_it_is_released() {
    let mut stage = Stage::set();
    let first = stage.number("first");
    stage.happen(Event::Audited(Audited::Quarantined { ticket: first, flaw: Flaw::Queue }));
    for action in [
        Intervention::Assign { agent: AgentId::new("bob") },
        Intervention::MoveToFront,
        Intervention::Requeue,
    ] {
        let command = Command::Intervene {
            ticket: TicketId::new("first"),
            action,
            by: "eve".into(),
            reason: "".into(),
            earlier: None,
        };
        assert_eq!(stage.engine.decide(stage.now, command), Err(Rejection::TicketQuarantined));
    }
}

#[test]
fn releasing_what_is_not_quarantined_changes_nothing() {
    let mut stage = Stage::set();
    let before = stage.journal.len();
    stage.ask(Command::ReleaseQuarantined { ticket: TicketId::new("first") });
    assert_eq!(stage.journal.len(), before);
    let unknown = Command::ReleaseQuarantined { ticket: TicketId::new("nobody") };
    assert_eq!(stage.engine.decide(stage.now, unknown), Err(Rejection::TicketNotFound));
}

#[test]
fn the_deadline_of_a_quarantined_ticket_still_passes_and_is_told() {
    let mut stage = Stage::set();
    let first = stage.number("first");
    stage.happen(Event::Audited(Audited::Quarantined { ticket: first, flaw: Flaw::Queue }));
    stage.now = Time(15_001);
    let due = stage.engine.expire(stage.now);
    assert!(matches!(due, Some(Event::Breached { ticket, .. }) if ticket == first), "{due:?}");
}

#[test]
fn a_policy_change_and_a_restart_keep_the_quarantine() {
    let mut stage = Stage::set();
    let first = stage.number("first");
    stage.happen(Event::Audited(Audited::Quarantined { ticket: first, flaw: Flaw::Queue }));
    let next = policy(&POLICY.replace("v1", "v2"));
    stage.ask(Command::ApplyPolicy { policy: Arc::new(next) });
    stage.ask(Command::Start);
    assert_eq!(stage.engine.quarantined_count(), 1);
    assert_eq!(stage.audit(), []);
    stage.replays();
}

#[test]
fn an_agent_who_waits_keeps_waiting_through_a_repair() {
    let mut stage = Stage::set();
    stage.pull("bob");
    stage.pull("bob");
    let bob = AgentId::new("bob");
    let until = Time(9_000);
    stage.ask(Command::Pull { agent: bob.clone(), request: None, wait_until: until });
    stage.happen(Event::Audited(Audited::Repaired { flaw: Flaw::Counts }));
    stage.engine.audit().expect("all is well");
    stage.now = until;
    assert_eq!(
        stage.engine.expire(until),
        Some(Event::WaitEnded { agent: bob, why: WaitEnd::Nothing })
    );
}
