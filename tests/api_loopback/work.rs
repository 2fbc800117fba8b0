//! The Work stream over real gRPC: offers and answers, streams that break, and limits.

use crate::server::{TestServer, Wish, assigned, ticket, ticket_of, told};
use std::time::Duration;
use tierline::api;
use tierline::api::proto::v1 as pb;
use tierline::api::proto::v1::work_request::Request as Up;
use tierline::api::proto::v1::work_response::Event as Down;
use tierline::engine::model::{AgentId, Presence};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

/// An agent's side of a Work stream.
pub(crate) struct Line {
    up: mpsc::Sender<pb::WorkRequest>,
    down: Streaming<pb::WorkResponse>,
}

impl Line {
    /// Opens a stream and reads the welcome.
    pub(crate) async fn open(server: &TestServer, agent: &str) -> Self {
        let hello = pb::WorkHello { agent_id: agent.into(), ..Default::default() };
        Self::hello(server, hello).await.expect("the stream opens")
    }

    pub(crate) async fn hello(server: &TestServer, hello: pb::WorkHello) -> Result<Self, Status> {
        let (up, requests) = mpsc::channel(16);
        up.send(request(Up::Hello(hello))).await.expect("there is room");
        let down = server.agent().work(ReceiverStream::new(requests)).await?.into_inner();
        let mut line = Self { up, down };
        match line.next().await? {
            Down::Welcome(_) => Ok(line),
            other => panic!("no welcome: {other:?}"),
        }
    }

    pub(crate) async fn say(&self, up: Up) {
        self.up.send(request(up)).await.expect("the stream is open");
    }

    pub(crate) async fn next(&mut self) -> Result<Down, Status> {
        let message = self.down.message().await?.expect("the stream goes on");
        Ok(message.event.expect("every message is one"))
    }

    pub(crate) async fn offer(&mut self) -> pb::WorkOffer {
        match self.next().await {
            Ok(Down::Offer(offer)) => offer,
            other => panic!("no offer: {other:?}"),
        }
    }

    pub(crate) async fn accept(&mut self, offer: &pb::WorkOffer) -> pb::Assignment {
        self.say(Up::Accept(accept(offer))).await;
        match self.next().await {
            Ok(Down::Accepted(assignment)) => assignment,
            other => panic!("not accepted: {other:?}"),
        }
    }

    pub(crate) async fn decline(&mut self, offer: &pb::WorkOffer) {
        self.say(Up::Decline(decline(offer))).await;
        match self.next().await {
            Ok(Down::Declined(_)) => {}
            other => panic!("not declined: {other:?}"),
        }
    }
}

fn request(up: Up) -> pb::WorkRequest {
    pb::WorkRequest { request: Some(up) }
}

pub(crate) fn id_of(offer: &pb::WorkOffer) -> String {
    offer.ticket.as_ref().expect("an offer has its ticket").ticket_id.clone()
}

pub(crate) fn accept(offer: &pb::WorkOffer) -> pb::AcceptOfferRequest {
    pb::AcceptOfferRequest { ticket_id: id_of(offer), lease_token: offer.lease_token }
}

pub(crate) fn decline(offer: &pb::WorkOffer) -> pb::DeclineOfferRequest {
    pb::DeclineOfferRequest {
        ticket_id: id_of(offer),
        lease_token: offer.lease_token,
        reason: "lunch".into(),
    }
}

pub(crate) async fn agent_of(server: &TestServer, id: &str) -> pb::Agent {
    let request = pb::GetAgentRequest { agent_id: id.into() };
    let answer = server.admin().get_agent(request).await.expect("the agent is registered");
    answer.into_inner().agent.expect("an answer has its agent")
}

/// Returns when the engine has the agent away.
async fn until_away(server: &TestServer, id: &str) {
    let id = AgentId::new(id);
    loop {
        let wanted = id.clone();
        let presence = server
            .handle
            .read(move |engine, _| engine.roster().get(&wanted).map(|agent| agent.presence));
        if presence.await.expect("the driver runs") == Some(Presence::Away) {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_is_offered_on_the_stream_accepted_and_completed() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    let mut line = Line::open(&server, "ann").await;
    let submit = pb::SubmitTicketRequest { payload: "hello".into(), ..ticket_of("t1", "gold") };
    server.submit(submit).await;
    let offer = line.offer().await;
    let shown = offer.ticket.clone().expect("an offer has its ticket");
    assert_eq!((shown.ticket_id.as_str(), &*shown.payload), ("t1", &b"hello"[..]));
    assert_eq!((shown.state(), offer.pool.as_str()), (pb::TicketState::Offered, "senior"));
    assert!(
        offer.expires_at.expect("it ends").seconds > offer.offered_at.expect("it began").seconds
    );
    let seen = server.get("t1").await.unwrap();
    assert_eq!(seen.offer.expect("it is offered").agent_id, "ann");
    assert_eq!(seen.picked_up_at, None);
    let ann = agent_of(&server, "ann").await;
    assert_eq!((ann.state(), ann.used_units), (pb::AgentState::Offered, 1));
    assert!(ann.held[0].offered);

    let assignment = line.accept(&offer).await;
    assert_eq!(assignment.lease_token, offer.lease_token);
    assert!(assignment.lease_until.is_some());
    let seen = server.get("t1").await.unwrap();
    assert_eq!((seen.state(), seen.assigned_count), (pb::TicketState::Assigned, 1));
    assert!(seen.picked_up_at.is_some());
    server.complete("t1", offer.lease_token).await.expect("it is in hand");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offers_are_answered_by_single_calls_too_and_retries_are_told_the_same() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    let mut line = Line::open(&server, "ann").await;
    server.submit(ticket_of("t1", "gold")).await;
    let first = line.offer().await;
    let answer = server.agent().decline_offer(decline(&first)).await.expect("it is offered");
    assert_eq!(answer.into_inner().ticket.expect("it is told").state(), pb::TicketState::Waiting);
    let again = server.agent().decline_offer(decline(&first)).await.unwrap_err();
    assert_eq!(told(&again), (Code::FailedPrecondition, "OFFER_ENDED".to_owned()));
    let late = server.agent().accept_offer(accept(&first)).await.unwrap_err();
    assert_eq!(told(&late), (Code::FailedPrecondition, "OFFER_ENDED".to_owned()));

    server.submit(ticket_of("t2", "gold")).await;
    let second = line.offer().await;
    assert_eq!(id_of(&second), "t2");
    let taken = server.agent().accept_offer(accept(&second)).await.unwrap().into_inner();
    let repeated = server.agent().accept_offer(accept(&second)).await.unwrap().into_inner();
    // Its legs go on while it is asked.
    let without_legs = |answer: pb::AcceptOfferResponse| {
        let mut assignment = answer.assignment.expect("it is accepted");
        assignment.ticket.as_mut().expect("an assignment has its ticket").legs.clear();
        assignment
    };
    assert_eq!(without_legs(taken.clone()), without_legs(repeated));
    let late = server.agent().decline_offer(decline(&second)).await.unwrap_err();
    assert_eq!(told(&late), (Code::FailedPrecondition, "OFFER_ACCEPTED".to_owned()));
    let never = pb::AcceptOfferRequest { ticket_id: "t1".into(), lease_token: 99 };
    let never = server.agent().accept_offer(never).await.unwrap_err();
    assert_eq!(told(&never), (Code::InvalidArgument, "LEASE_TOKEN_UNKNOWN".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_declined_ticket_goes_to_an_agent_who_pulls() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    server.hire("bob", &["senior"]).await;
    let mut line = Line::open(&server, "ann").await;
    server.submit(ticket_of("t1", "gold")).await;
    let offer = line.offer().await;
    let waits = pb::PullTicketRequest {
        agent_id: "bob".into(),
        request_id: "p1".into(),
        wait: Some(prost_types::Duration { seconds: 60, nanos: 0 }),
    };
    let mut client = server.agent();
    let pull = tokio::spawn(async move { client.pull_ticket(waits).await });
    server.until_idle([1, 0, 0]).await;
    line.say(Up::Decline(decline(&offer))).await;
    match line.next().await.unwrap() {
        Down::Declined(declined) => assert!(declined.until.is_some()),
        other => panic!("not declined: {other:?}"),
    }
    let pulled = pull.await.unwrap().unwrap().into_inner();
    assert_eq!(assigned(pulled).ticket.expect("it is told").ticket_id, "t1");
    let ann = agent_of(&server, "ann").await;
    assert_eq!((ann.declined[0].ticket_id.as_str(), ann.declined[0].count), ("t1", 1));
    let refused = server
        .agent()
        .pull_ticket(pb::PullTicketRequest { agent_id: "ann".into(), ..Default::default() })
        .await
        .unwrap_err();
    assert_eq!(told(&refused), (Code::FailedPrecondition, "AGENT_STREAMS".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_breaks_off_makes_its_agent_away_and_returns_the_offer() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    let mut line = Line::open(&server, "ann").await;
    server.submit(ticket_of("t1", "gold")).await;
    line.offer().await;
    drop(line);
    until_away(&server, "ann").await;
    let seen = server.get("t1").await.unwrap();
    assert_eq!(seen.state(), pb::TicketState::Waiting);
    assert!(agent_of(&server, "ann").await.stream.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_on_which_nothing_is_heard_is_closed() {
    let settings =
        api::Settings { work_heartbeat: Duration::from_millis(100), ..api::Settings::default() };
    let server = TestServer::start_as(Wish { settings, ..Wish::default() }).await;
    server.hire("ann", &["senior"]).await;
    let mut line = Line::open(&server, "ann").await;
    server.submit(ticket_of("t1", "gold")).await;
    line.offer().await;
    match line.next().await.unwrap() {
        Down::Closing(closing) => assert_eq!(closing.reason(), pb::WorkCloseReason::Silent),
        other => panic!("not closing: {other:?}"),
    }
    let lost = line.down.message().await.unwrap_err();
    assert_eq!(told(&lost), (Code::Unavailable, "STREAM_LOST".to_owned()));
    until_away(&server, "ann").await;
    assert_eq!(server.get("t1").await.unwrap().state(), pb::TicketState::Waiting);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_stream_of_an_agent_takes_the_older_ones_place() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    let mut older = Line::open(&server, "ann").await;
    server.submit(ticket_of("t1", "gold")).await;
    let first = older.offer().await;
    let mut newer = Line::open(&server, "ann").await;
    let second = newer.offer().await;
    assert!(second.lease_token > first.lease_token);
    match older.next().await.unwrap() {
        Down::Revoked(revoked) => assert_eq!(revoked.reason(), pb::RevokeReason::StreamClosed),
        other => panic!("not revoked: {other:?}"),
    }
    match older.next().await.unwrap() {
        Down::Closing(closing) => assert_eq!(closing.reason(), pb::WorkCloseReason::Replaced),
        other => panic!("not closing: {other:?}"),
    }
    let replaced = older.down.message().await.unwrap_err();
    assert_eq!(told(&replaced), (Code::Aborted, "STREAM_REPLACED".to_owned()));
    drop(older);
    newer.accept(&second).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_told_what_a_supervisor_takes_back_and_gives() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    server.hire("dan", &["desk"]).await;
    let mut ann = Line::open(&server, "ann").await;
    let mut dan = Line::open(&server, "dan").await;
    server.submit(ticket_of("t1", "gold")).await;
    let first = ann.offer().await;
    let force = pb::ForceAssignRequest {
        ticket_id: "t1".into(),
        agent_id: "dan".into(),
        reason: "he knows the case".into(),
        by: "sue".into(),
    };
    let given = server.ops().force_assign(force).await.unwrap().into_inner();
    assert_eq!(given.ticket.unwrap().state(), pb::TicketState::Offered);
    match ann.next().await.unwrap() {
        Down::Revoked(revoked) => assert_eq!(
            (revoked.lease_token, revoked.reason()),
            (first.lease_token, pb::RevokeReason::Supervisor)
        ),
        other => panic!("not revoked: {other:?}"),
    }
    let offer = dan.offer().await;
    assert_eq!(offer.decision.as_ref().unwrap().step(), pb::DecisionStep::Forced);
    dan.accept(&offer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_ticket_and_an_agent_set_away_take_their_offers_back() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    let mut line = Line::open(&server, "ann").await;
    server.submit(ticket_of("t1", "gold")).await;
    line.offer().await;
    let cancel = pb::CancelTicketRequest { ticket_id: "t1".into(), reason: "gone".into() };
    server.intake().cancel_ticket(cancel).await.unwrap();
    match line.next().await.unwrap() {
        Down::Revoked(revoked) => assert_eq!(revoked.reason(), pb::RevokeReason::TicketEnded),
        other => panic!("not revoked: {other:?}"),
    }
    server.submit(ticket_of("t2", "gold")).await;
    line.offer().await;
    line.say(Up::Presence(pb::WorkPresence { presence: pb::Presence::Away.into() })).await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        seen.push(match line.next().await.unwrap() {
            Down::Presence(presence) => presence.presence().as_str_name(),
            Down::Revoked(revoked) => revoked.reason().as_str_name(),
            other => panic!("neither: {other:?}"),
        });
    }
    assert_eq!(seen, ["PRESENCE_AWAY", "REVOKE_REASON_AWAY"]);
    assert_eq!(server.get("t2").await.unwrap().state(), pb::TicketState::Waiting);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_stream_more_than_the_limit_is_refused_until_another_ends() {
    let settings = api::Settings { work_streams_max: 1, ..api::Settings::default() };
    let server = TestServer::start_as(Wish { settings, ..Wish::default() }).await;
    server.hire("ann", &["senior"]).await;
    server.hire("bob", &["senior"]).await;
    let line = Line::open(&server, "ann").await;
    let hello = || pb::WorkHello { agent_id: "bob".into(), ..Default::default() };
    let refused = Line::hello(&server, hello()).await.err().expect("there is no place");
    assert_eq!(told(&refused), (Code::ResourceExhausted, "LIMIT_REACHED".to_owned()));
    drop(line);
    until_away(&server, "ann").await;
    while let Err(refused) = Line::hello(&server, hello()).await {
        assert_eq!(refused.code(), Code::ResourceExhausted);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_begins_with_a_hello_of_a_registered_agent() {
    let server = TestServer::start().await;
    let (up, requests) = mpsc::channel(16);
    up.send(request(Up::Heartbeat(pb::WorkHeartbeat {}))).await.unwrap();
    let refused = server.agent().work(ReceiverStream::new(requests)).await.unwrap_err();
    assert_eq!(told(&refused), (Code::InvalidArgument, "INVALID_FIELD".to_owned()));
    let unknown = pb::WorkHello { agent_id: "zoe".into(), ..Default::default() };
    let refused = Line::hello(&server, unknown).await.err().expect("nobody of that name");
    assert_eq!(told(&refused), (Code::NotFound, "AGENT_NOT_FOUND".to_owned()));
    let twice = pb::ChannelMaximum { channel: pb::Channel::Chat.into(), max: 101 };
    let faulty =
        pb::WorkHello { agent_id: "zoe".into(), maxima: vec![twice, twice], ..Default::default() };
    let refused = Line::hello(&server, faulty).await.err().expect("it is faulty");
    assert_eq!(told(&refused), (Code::InvalidArgument, "INVALID_FIELD".to_owned()));
    for said in
        ["hello.maxima[0].max: 101 is not 0 to 100", "hello.maxima[1].channel: chat is named"]
    {
        assert!(refused.message().contains(said), "{}", refused.message());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_of_the_stream_that_is_refused_leaves_it_open() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    let mut line = Line::open(&server, "ann").await;
    let nothing = pb::AcceptOfferRequest { ticket_id: "t9".into(), lease_token: 7 };
    line.say(Up::Accept(nothing)).await;
    match line.next().await.unwrap() {
        Down::Refused(refused) => {
            assert_eq!(refused.ticket_id, "t9");
            let error = refused.error.expect("it says why");
            assert_eq!(error.reason(), pb::ErrorReason::TicketNotFound);
        }
        other => panic!("not refused: {other:?}"),
    }
    line.say(Up::Heartbeat(pb::WorkHeartbeat {})).await;
    server.submit(ticket_of("t1", "gold")).await;
    line.offer().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_who_does_not_read_loses_the_stream() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    let line = Line::open(&server, "ann").await;
    let nothing = pb::AcceptOfferRequest { ticket_id: "t".repeat(64), lease_token: 7 };
    // Every one of these is answered, and nobody reads the answers. The last of them may find nobody who
    // takes it: the end of the stream stands behind the answers that are not read.
    let asking = async {
        while line.up.send(request(Up::Accept(nothing.clone()))).await.is_ok() {}
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = asking => unreachable!("it asks for ever"),
        () = until_away(&server, "ann") => {}
    }
    let mut down = line.down;
    let lost = loop {
        match down.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it ends with a status"),
            Err(lost) => break lost,
        }
    };
    assert_eq!(told(&lost), (Code::Unavailable, "STREAM_LOST".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_drains_closes_its_streams_and_opens_none() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    let mut line = Line::open(&server, "ann").await;
    server.submit(ticket_of("t1", "gold")).await;
    line.offer().await;
    server.handle.drain().await;
    let closing = loop {
        match line.next().await.unwrap() {
            Down::Closing(closing) => break closing,
            Down::Revoked(_) => {}
            other => panic!("not closing: {other:?}"),
        }
    };
    assert_eq!(closing.reason(), pb::WorkCloseReason::Server);
    let ended = line.down.message().await.unwrap_err();
    assert_eq!(told(&ended), (Code::Unavailable, "SHUTTING_DOWN".to_owned()));
    assert_eq!(server.get("t1").await.unwrap().state(), pb::TicketState::Waiting);
    let hello = pb::WorkHello { agent_id: "ann".into(), ..Default::default() };
    let refused = Line::hello(&server, hello).await.err().expect("it is stopping");
    assert_eq!(told(&refused), (Code::Unavailable, "SHUTTING_DOWN".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_finds_no_stream_and_no_offer() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    let mut line = Line::open(&server, "ann").await;
    server.submit(ticket_of("t1", "gold")).await;
    server.submit(ticket("t2")).await;
    line.offer().await;
    let before = server.engine().await;
    assert!(
        before.ticket(&tierline::engine::model::TicketId::new("t1")).unwrap().offer().is_some()
    );
    drop(line);
    let server = server.restart().await;
    let ann = agent_of(&server, "ann").await;
    assert_eq!((ann.presence(), ann.stream), (pb::Presence::Away, None));
    assert_eq!(server.get("t1").await.unwrap().state(), pb::TicketState::Waiting);
    let mut line = Line::open(&server, "ann").await;
    assert_eq!(id_of(&line.offer().await), "t1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missed_offers_are_told_and_set_the_agent_away() {
    let policy = format!("{}\noffer = \"1s\"\nmisses_max = 1\n", crate::server::POLICY);
    let server = TestServer::start_as(Wish { policy, speed: 20.0, ..Wish::default() }).await;
    server.hire("ann", &["desk"]).await;
    let mut line = Line::open(&server, "ann").await;
    server.submit(ticket_of("t1", "brief")).await;
    line.offer().await;
    match line.next().await.unwrap() {
        Down::Missed(missed) => {
            assert_eq!((missed.ticket_id.as_str(), missed.missed_count), ("t1", 1));
        }
        other => panic!("not missed: {other:?}"),
    }
    match line.next().await.unwrap() {
        Down::Presence(presence) => assert_eq!(presence.presence(), pb::Presence::Away),
        other => panic!("not away: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn capacity_in_units_is_told_and_kept() {
    let channels = "[channel.voice]\ncost = 4\nexclusive = true\ninterrupts = [\"chat\"]\n";
    let policy = crate::server::POLICY.replacen("[[tier]]", &format!("{channels}[[tier]]"), 1);
    let server = TestServer::start_as(Wish { policy, ..Wish::default() }).await;
    let put = pb::PutAgentRequest {
        agent_id: "ann".into(),
        pools: vec!["senior".into()],
        capacity: 4,
        maxima: vec![pb::ChannelMaximum { channel: pb::Channel::Chat.into(), max: 2 }],
        ..Default::default()
    };
    let ann = server.admin().put_agent(put).await.unwrap().into_inner().agent.unwrap();
    assert_eq!(ann.maxima[0].max, 2);
    let mut line = Line::open(&server, "ann").await;
    let chat = |id: &str| pb::SubmitTicketRequest {
        channel: pb::Channel::Chat.into(),
        ..ticket_of(id, "gold")
    };
    server.submit(chat("c1")).await;
    server.submit(chat("c2")).await;
    server.submit(chat("c3")).await;
    let chats = [line.offer().await, line.offer().await];
    assert_eq!(chats.each_ref().map(id_of), ["c1", "c2"]);
    for offer in &chats {
        line.accept(offer).await;
    }
    let ann = agent_of(&server, "ann").await;
    assert_eq!(ann.used_units, 2);
    assert!(!ann.open_channels.contains(&pb::Channel::Chat.into()));
    server.submit(ticket_of("v1", "gold")).await;
    let call = line.offer().await;
    assert_eq!(id_of(&call), "v1");
    line.accept(&call).await;
    assert!(agent_of(&server, "ann").await.open_channels.is_empty());
}
