//! `AdminService`: agents, customers, policy and server; health and reflection beside it.

use crate::server::{TestServer, identifier, ticket_of, told};
use tierline::api::proto::v1 as pb;
use tokio_stream::StreamExt as _;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_request, server_reflection_response,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_is_made_changed_and_deleted() {
    let server = TestServer::start().await;
    let put = |name: &str, pools: &[&str]| pb::PutAgentRequest {
        agent_id: "ann".into(),
        name: name.into(),
        pools: pools.iter().map(ToString::to_string).collect(),
        ..Default::default()
    };
    let made = server.admin().put_agent(put("Ann", &["general", "senior"])).await.unwrap();
    let agent = made.into_inner().agent.unwrap();
    assert_eq!((agent.presence(), agent.state()), (pb::Presence::Away, pb::AgentState::Away));
    assert_eq!(
        (&agent.pools[..], agent.capacity),
        (&["senior".to_owned(), "general".to_owned()][..], 1)
    );
    server.hire("ann", &["senior"]).await;
    server.submit(ticket_of("T-1", "gold")).await;
    let taken = server.take("ann").await;

    // What is in hand stays when the agent is changed.
    server.admin().put_agent(put("Ann B.", &["desk"])).await.unwrap();
    let request = pb::GetAgentRequest { agent_id: "ann".into() };
    let agent =
        server.admin().get_agent(request.clone()).await.unwrap().into_inner().agent.unwrap();
    assert_eq!((agent.name.as_str(), &agent.pools[..]), ("Ann B.", &["desk".to_owned()][..]));
    assert_eq!((agent.state(), agent.held[0].ticket_id.as_str()), (pb::AgentState::Busy, "T-1"));

    let delete = pb::DeleteAgentRequest { agent_id: "ann".into() };
    let refused = server.admin().delete_agent(delete.clone()).await.unwrap_err();
    assert_eq!(told(&refused), (Code::FailedPrecondition, "AGENT_HOLDS_TICKETS".to_owned()));
    server.complete("T-1", taken.lease_token).await.unwrap();
    server.admin().delete_agent(delete.clone()).await.unwrap();
    let gone = server.admin().get_agent(request).await.unwrap_err();
    assert_eq!(told(&gone), (Code::NotFound, "AGENT_NOT_FOUND".to_owned()));
    assert_eq!(server.admin().delete_agent(delete).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_is_found_by_any_identifier_until_deleted() {
    let server = TestServer::start().await;
    let customer = pb::Customer {
        customer_id: "C-1".into(),
        tier: "gold".into(),
        name: " Ada Example ".into(),
        identifiers: vec![identifier(pb::IdentifierKind::Email, "Ada@Example.com")],
        attributes: [("city".to_owned(), "Bern".to_owned())].into(),
    };
    let request = pb::PutCustomerRequest { customer: Some(customer) };
    let stored = server.admin().put_customer(request).await.unwrap().into_inner();
    let stored = stored.customer.unwrap();
    assert_eq!(stored.name, "Ada Example");
    assert_eq!(stored.identifiers[0].value, "ada@example.com");
    let get = async |kind, value: &str| {
        let request = pb::GetCustomerRequest { identifier: Some(identifier(kind, value)) };
        server.admin().get_customer(request).await.map(|answer| answer.into_inner().customer)
    };
    for (kind, value) in
        [(pb::IdentifierKind::Id, "C-1"), (pb::IdentifierKind::Email, "ADA@example.com ")]
    {
        assert_eq!(get(kind, value).await.unwrap(), Some(stored.clone()));
    }
    let delete = pb::DeleteCustomerRequest { customer_id: "C-1".into() };
    server.admin().delete_customer(delete.clone()).await.unwrap();
    let gone = get(pb::IdentifierKind::Email, "ada@example.com").await.unwrap_err();
    assert_eq!(told(&gone), (Code::NotFound, "CUSTOMER_NOT_FOUND".to_owned()));
    assert!(!gone.message().contains("ada"));
    let gone = server.admin().delete_customer(delete).await.unwrap_err();
    assert_eq!(told(&gone), (Code::NotFound, "CUSTOMER_NOT_FOUND".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_stores_the_good_rows_and_tells_the_bad_ones() {
    let server = TestServer::start().await;
    let row = |line: u64| {
        let tier = if line % 100 == 7 { "x".repeat(65) } else { "gold".to_owned() };
        let customer =
            pb::Customer { customer_id: format!("C-{line}"), tier, ..Default::default() };
        pb::ImportRow { line, customer: Some(customer) }
    };
    let batches: Vec<_> = (0..3)
        .map(|batch| pb::ImportCustomersRequest {
            rows: (batch * 500..(batch + 1) * 500).map(row).collect(),
            with_farewells: false,
        })
        .collect();
    let answers = server.admin().import_customers(tokio_stream::iter(batches)).await.unwrap();
    let answers: Vec<_> = answers.into_inner().map(|answer| answer.unwrap()).collect().await;
    assert_eq!(answers.len(), 3);
    let last = answers.last().unwrap();
    assert_eq!((last.row_count, last.stored_count, last.refused_count), (1500, 1485, 15));
    let lines: Vec<_> =
        answers.iter().flat_map(|answer| &answer.faults).map(|fault| fault.line).collect();
    assert_eq!(lines, (0..15).map(|n| n * 100 + 7).collect::<Vec<_>>());
    let error = last.faults[0].error.clone().unwrap();
    assert_eq!((error.field.as_str(), error.code), ("customer.tier", 3));
    let request =
        pb::GetCustomerRequest { identifier: Some(identifier(pb::IdentifierKind::Id, "C-1499")) };
    assert!(server.admin().get_customer(request).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_policy_is_told_with_its_text_and_its_numbers() {
    let server = TestServer::start().await;
    let policy = server.admin().get_policy(pb::GetPolicyRequest {}).await.unwrap().into_inner();
    let policy = policy.policy.unwrap();
    assert_eq!((policy.version.as_str(), policy.rule()), ("test-1", pb::DispatchRule::GuardedEdf));
    assert!(policy.toml.contains("[[tier]]"));
    assert_eq!(policy.unknown_customer_tier, "standard");
    assert_eq!(policy.unavailable_tier, "silver");
    let gold = &policy.tiers[0];
    assert_eq!((gold.tier.as_str(), gold.rank, gold.guard_permille), ("gold", 1, 250));
    assert_eq!(gold.deadlines[0].channel(), pb::Channel::Voice);
    assert_eq!(gold.deadlines[0].respond_within.unwrap().seconds, 15);
    assert_eq!(gold.deadlines[2].solve_within.unwrap().seconds, 2 * 86_400);
    let route: Vec<_> =
        gold.route.iter().map(|step| (step.after.unwrap().seconds, step.pools.len())).collect();
    assert_eq!(route, [(0, 1), (40, 2)]);
    assert_eq!(policy.pools[1].reserves[0].agent_count, 1);
    assert_eq!(policy.pools[2].lease.unwrap().seconds, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_tells_its_limits_and_how_much_of_them_is_used() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    server.submit(ticket_of("T-1", "gold")).await;
    server.submit(ticket_of("T-2", "gold")).await;
    let info = server.admin().get_server_info(pb::GetServerInfoRequest {}).await.unwrap();
    let info = info.into_inner();
    assert_eq!((info.version.as_str(), info.directory.as_str()), ("0.1.0", "embedded"));
    assert!(info.directory_up && info.started_at.is_some() && info.now.is_some());
    assert_eq!(
        (info.policy_version.as_str(), info.clock_speed.to_string().as_str()),
        ("test-1", "1")
    );
    let limit = |name: &str| {
        let limit = info.limits.iter().find(|limit| limit.name == name);
        limit.map(|limit| (limit.value, limit.current))
    };
    assert_eq!(limit("tickets_max"), Some((2_000_000, Some(2))));
    assert_eq!(limit("agents_max"), Some((20_000, Some(1))));
    assert_eq!(limit("payload_bytes_max"), Some((65_536, None)));
    assert_eq!(limit("watchers_max"), Some((1000, Some(0))));
    assert!(info.limits.iter().all(|limit| !limit.description.is_empty()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_and_reflection_answer_beside_the_services() {
    let server = TestServer::start().await;
    let mut health = HealthClient::new(server.channel());
    for service in ["", "tierline.v1.AgentService"] {
        let request = HealthCheckRequest { service: service.into() };
        let answer = health.check(request).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving);
    }
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(server_reflection_request::MessageRequest::ListServices(
            String::new(),
        )),
    };
    let mut reflection = ServerReflectionClient::new(server.channel());
    let answers = reflection.server_reflection_info(tokio_stream::once(request)).await.unwrap();
    let answer = answers.into_inner().message().await.unwrap().unwrap();
    let Some(server_reflection_response::MessageResponse::ListServicesResponse(list)) =
        answer.message_response
    else {
        panic!("a list was asked for");
    };
    let names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    assert!(names.contains(&"tierline.v1.IntakeService".to_owned()), "{names:?}");
    assert!(names.contains(&"grpc.health.v1.Health".to_owned()), "{names:?}");
}
