//! Offers to several agents at once, in the journal and in snapshots.

use crate::script::{BEGIN, policy};
use std::sync::Arc;
use tierline::engine::capacity::Maxima;
use tierline::engine::command::{AgentProfile, Command, Event, Lookup, Revocation, Submit};
use tierline::engine::model::{
    AgentId, Channel, Content, PoolIx, PoolSet, Presence, TicketId, Time,
};
use tierline::engine::push::Stream;
use tierline::engine::timing::Urgency;
use tierline::engine::{Engine, Limits};
use tierline::journal::frame::Builder;
use tierline::journal::{Link, Seq, snapshot};

/// An engine with what made it.
#[derive(Default)]
struct Run {
    engine: Engine,
    events: Vec<(Time, Event)>,
}

impl Run {
    fn ask(&mut self, command: Command) {
        let decision = self.engine.decide(BEGIN, command).expect("the rules allow it");
        decision.events.into_iter().for_each(|event| self.happen(event));
        while let Some(event) = self.engine.route(BEGIN).or_else(|| self.engine.expire(BEGIN)) {
            self.happen(event);
        }
    }

    fn happen(&mut self, event: Event) {
        self.engine.apply(BEGIN, &event);
        self.events.push((BEGIN, event));
    }
}

/// A ticket is offered to two agents in different pools, the second of whom would like to accept it.
fn run() -> (Run, Command) {
    let mut run = Run::default();
    let mut policy = policy("one");
    policy.tiers[0].pools = PoolSet(0b11);
    policy.pools.iter_mut().for_each(|pool| pool.offer.offer_to = 2);
    run.ask(Command::ApplyPolicy { policy: Arc::new(policy.clone()) });
    for (id, pool) in [("ann", 0), ("bob", 1)] {
        let agent = AgentId::new(id);
        run.ask(Command::PutAgent(AgentProfile {
            id: agent.clone(),
            pools: PoolSet::of([PoolIx(pool)]),
            capacity: 2,
            ..AgentProfile::default()
        }));
        let stream = Stream { session: None, maxima: Maxima::default() };
        run.ask(Command::OpenWork { agent, stream, presence: Presence::Available });
    }
    run.ask(Command::Submit(Box::new(Submit {
        id: TicketId::new("t1"),
        fingerprint: 0,
        channel: Channel::Voice,
        caller: None,
        content: Arc::new(Content::default()),
        lookup: Lookup::Given { tier: (*policy.tiers[0].name).into() },
        not_before: None,
        earlier: None,
        asked: None,
        topic: None,
        urgency: Urgency::Normal,
    })));
    let offered = run.engine.ticket(&TicketId::new("t1")).expect("a live ticket");
    let tokens: Vec<_> = offered.offers().map(|offer| offer.token).collect();
    assert_eq!(tokens.len(), 2, "both are offered it");
    let accept = Command::Accept { ticket: TicketId::new("t1"), token: tokens[1] };
    (run, accept)
}

#[test]
fn offers_to_several_come_back_from_the_journal_as_they_were() {
    let (mut run, accept) = run();
    run.ask(accept);
    let taken = |event: &Event| {
        matches!(event, Event::OfferRevoked { why: Revocation::TakenByAnother, .. })
    };
    assert!(run.events.iter().any(|(_, event)| taken(event)), "the other's offer was taken back");
    let mut builder = Builder::default();
    for (at, event) in &run.events {
        builder.push(*at, event);
    }
    let read = builder.seal(Link::default()).events().expect("it was just written");
    assert_eq!(read, run.events);
    let mut again = Engine::new(Limits::default());
    for (at, event) in &read {
        again.apply(*at, event);
    }
    assert_eq!(again, run.engine);
}

#[test]
fn a_ticket_offered_to_several_comes_back_from_a_snapshot_as_it_was() {
    let (run, accept) = run();
    let dir = tempfile::tempdir().expect("a folder can be made");
    std::fs::create_dir(dir.path().join(snapshot::FOLDER)).expect("it is new");
    let link = Link { last: Seq(77), crc: 5 };
    let image = run.engine.image();
    let path = snapshot::write(dir.path(), link, &image).expect("there is space");
    let (_, read) = snapshot::read(&path).expect("it is whole");
    assert_eq!(read, image);
    let again = Engine::from_image(read, Limits::default());
    assert_eq!(again, run.engine);
    assert_eq!(again.decide(BEGIN, accept.clone()), run.engine.decide(BEGIN, accept));
}
