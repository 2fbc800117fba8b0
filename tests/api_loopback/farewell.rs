//! A farewell over the wire: proposed by one person, confirmed by another, taken back by anybody.

use crate::server::{POLICY, TestServer, Wish, empty, identifier, ticket, told};
use std::collections::BTreeMap;
use tierline::api::proto::v1 as pb;
use tokio_stream::StreamExt as _;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

const DATE: &str = "2199-03-31";

async fn start() -> TestServer {
    let policy = format!("{POLICY}[standing.farewell]\nagent = \"customer\"\n");
    let server = TestServer::start_as(Wish { policy, ..Wish::default() }).await;
    server.hire("vera", &["desk"]).await;
    server
}

fn customer(attributes: &[(&str, &str)]) -> pb::Customer {
    let attributes = attributes.iter().map(|(key, value)| ((*key).into(), (*value).into()));
    pb::Customer {
        customer_id: "C-1".into(),
        tier: "silver".into(),
        attributes: attributes.collect(),
        ..Default::default()
    }
}

async fn put(server: &TestServer, attributes: &[(&str, &str)]) -> Result<(), Status> {
    let request = pb::PutCustomerRequest { customer: Some(customer(attributes)) };
    server.admin().put_customer(request).await.map(|_| ())
}

fn by_kim() -> pb::ProposeFarewellRequest {
    pb::ProposeFarewellRequest {
        customer_id: "C-1".into(),
        by: " kim ".into(),
        agent_id: "vera".into(),
        transition_date: DATE.into(),
        reason: "two talks without a change".into(),
    }
}

type Outcome = Result<BTreeMap<String, String>, Status>;

fn attributes(customer: Option<pb::Customer>) -> BTreeMap<String, String> {
    customer.expect("an answer has its customer").attributes.into_iter().collect()
}

async fn propose(server: &TestServer, request: pb::ProposeFarewellRequest) -> Outcome {
    let answer = server.admin().propose_farewell(request).await?;
    Ok(attributes(answer.into_inner().customer))
}

async fn confirm(server: &TestServer, by: &str) -> Outcome {
    confirm_seen(server, by, "", "").await
}

async fn confirm_seen(server: &TestServer, by: &str, agent: &str, date: &str) -> Outcome {
    let request = pb::ConfirmFarewellRequest {
        customer_id: "C-1".into(),
        by: by.into(),
        agent_id: agent.into(),
        transition_date: date.into(),
    };
    Ok(attributes(server.admin().confirm_farewell(request).await?.into_inner().customer))
}

/// Whether the policy lets the agent serve, of somebody's farewell.
async fn agent_serves(server: &TestServer) -> bool {
    put(server, &[]).await.expect("it is stored");
    propose(server, by_kim()).await.expect("it is proposed");
    let request = pb::ConfirmFarewellRequest {
        customer_id: "C-1".into(),
        by: "lee".into(),
        ..Default::default()
    };
    let answer = server.admin().confirm_farewell(request).await.expect("another confirms");
    answer.into_inner().agent_serves
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_names_no_agent_for_a_farewell_is_told() {
    let table = [("", false), ("scale = 2.0", false), ("agent = \"customer\"", true)];
    for (treatment, expected) in table {
        let policy = format!("{POLICY}[standing.farewell]\n{treatment}\n");
        let server = TestServer::start_as(Wish { policy, ..Wish::default() }).await;
        server.hire("vera", &["desk"]).await;
        assert_eq!(agent_serves(&server).await, expected, "{treatment}");
    }
}

async fn withdraw(server: &TestServer, by: &str) -> Outcome {
    let request = pb::WithdrawFarewellRequest { customer_id: "C-1".into(), by: by.into() };
    Ok(attributes(server.admin().withdraw_farewell(request).await?.into_inner().customer))
}

async fn stored(server: &TestServer) -> BTreeMap<String, String> {
    let identifier = Some(identifier(pb::IdentifierKind::Id, "C-1"));
    let request = pb::GetCustomerRequest { identifier };
    let answer = server.admin().get_customer(request).await.expect("the customer is there");
    attributes(answer.into_inner().customer)
}

fn refused(outcome: Outcome, reason: &str) -> Status {
    let status = outcome.expect_err("it is refused");
    assert_eq!(told(&status), (Code::FailedPrecondition, reason.to_owned()));
    let details = status.get_error_details();
    assert!(details.precondition_failure().is_some(), "{status:?}");
    status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_decide_and_the_ticket_goes_to_the_one_who_explains() {
    let server = start().await;
    server.hire("ann", &["general", "senior"]).await;
    put(&server, &[("city", "Bern"), ("account_manager", "max")]).await.expect("it is stored");
    let open = propose(&server, by_kim()).await.expect("it is proposed");
    assert_eq!(open["farewell_proposed_by"], "kim");
    assert_eq!((&*open["farewell_agent"], &*open["farewell_date"]), ("vera", DATE));
    assert_eq!(open["account_manager"], "max", "nothing has changed yet");
    assert_eq!(stored(&server).await, open);

    let status = refused(confirm(&server, "KIM").await, "FAREWELL_SAME_PERSON");
    assert!(status.message().starts_with("by: "), "{status:?}");
    assert!(status.message().contains(r#""kim" is who proposed it (farewell_proposed_by)"#));
    assert_eq!(stored(&server).await, open, "a refusal changes nothing");

    let decided = confirm(&server, "lee").await.expect("another confirms");
    assert_eq!(decided["standing"], "farewell");
    assert_eq!(decided["farewell_confirmed_by"], "lee");
    assert_eq!((&*decided["account_manager"], &*decided["transition_date"]), ("vera", DATE));
    assert_eq!(stored(&server).await, decided);

    let known = Some(identifier(pb::IdentifierKind::Id, "C-1"));
    let request = pb::SubmitTicketRequest { customer: known, ..ticket("T-1") };
    let receipt = server.submit(request).await;
    assert_eq!(receipt.known.expect("known").standing(), pb::Standing::Farewell);
    empty(&server.pull("ann", "").await);
    let card = server.take("vera").await.card.expect("an assignment has a card");
    assert_eq!((card.standing(), &*card.transition_date), (pb::Standing::Farewell, DATE));

    let back = withdraw(&server, "ann").await.expect("anybody withdraws");
    let expected = [("account_manager", "max"), ("city", "Bern"), ("farewell_withdrawn_by", "ann")];
    let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(back, BTreeMap::from(expected));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_call_again_changes_nothing_and_another_one_is_refused() {
    let server = start().await;
    put(&server, &[]).await.expect("it is stored");
    refused(confirm(&server, "lee").await, "FAREWELL_NOT_PROPOSED");
    refused(withdraw(&server, "lee").await, "FAREWELL_NOT_PROPOSED");
    let open = propose(&server, by_kim()).await.expect("it is proposed");
    assert_eq!(propose(&server, by_kim()).await.expect("a retry"), open);
    let other = pb::ProposeFarewellRequest { by: "lee".into(), ..by_kim() };
    refused(propose(&server, other).await, "FAREWELL_DECIDED");
    let decided = confirm(&server, "lee").await.expect("another confirms");
    assert_eq!(confirm(&server, "lee ").await.expect("a retry"), decided);
    refused(confirm(&server, "max").await, "FAREWELL_DECIDED");
    refused(confirm(&server, "kim").await, "FAREWELL_SAME_PERSON");
    refused(propose(&server, by_kim()).await, "FAREWELL_DECIDED");
    let back = withdraw(&server, "kim").await.expect("it is taken back");
    assert_eq!(withdraw(&server, "kim").await.expect("a retry"), back);
    refused(withdraw(&server, "lee").await, "FAREWELL_NOT_PROPOSED");
    assert_eq!(propose(&server, by_kim()).await.expect("it may be proposed again"), open);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_flag_exempts_and_unknown_customers_and_agents_are_not_found() {
    let server = start().await;
    let status = propose(&server, by_kim()).await.expect_err("there is no customer");
    assert_eq!(told(&status), (Code::NotFound, "CUSTOMER_NOT_FOUND".to_owned()));
    put(&server, &[("strategic", "Yes")]).await.expect("it is stored");
    let status = refused(propose(&server, by_kim()).await, "FAREWELL_EXEMPT");
    assert!(status.message().contains("strategic"), "{status:?}");
    put(&server, &[]).await.expect("it is stored");
    let nobody = pb::ProposeFarewellRequest { agent_id: "zoe".into(), ..by_kim() };
    let status = propose(&server, nobody).await.expect_err("there is no agent");
    assert_eq!(told(&status), (Code::NotFound, "AGENT_NOT_FOUND".to_owned()));
    assert_eq!(stored(&server).await, BTreeMap::new());
    // Who left before the confirmation explains nothing.
    let open = propose(&server, by_kim()).await.expect("it is proposed");
    let request = pb::DeleteAgentRequest { agent_id: "vera".into() };
    server.admin().delete_agent(request).await.expect("the agent goes");
    let status = confirm(&server, "lee").await.expect_err("there is no agent");
    assert_eq!(told(&status), (Code::NotFound, "AGENT_NOT_FOUND".to_owned()));
    assert_eq!(stored(&server).await, open);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_confirm_at_once_one_has_confirmed() {
    let server = start().await;
    put(&server, &[]).await.expect("it is stored");
    for _ in 0..10 {
        propose(&server, by_kim()).await.expect("it is proposed");
        let (one, other) = tokio::join!(confirm(&server, "lee"), confirm(&server, "max"));
        let (won, lost) = if one.is_ok() { (one, other) } else { (other, one) };
        assert_eq!(stored(&server).await, won.expect("one of them is first"));
        refused(lost, "FAREWELL_DECIDED");
        withdraw(&server, "kim").await.expect("it is taken back");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_puts_a_farewell_without_the_names_of_two_people() {
    let server = start().await;
    let (said, kim, lee) = (
        ("standing", "farewell"),
        ("farewell_proposed_by", "kim"),
        ("farewell_confirmed_by", "lee"),
    );
    let same = ("farewell_confirmed_by", "Kim");
    let whole = [said, kim, lee];
    for faulty in [&[said][..], &[said, kim], &[said, lee], &[said, kim, same], &whole] {
        at_fault(put(&server, faulty).await, "standing");
    }
    at_fault(put(&server, &[kim]).await, "farewell_proposed_by");
    // The good rows of an import go in, and the bad ones are told with their lines.
    let row = |line, id: &str, given: &[(&str, &str)]| pb::ImportRow {
        line,
        customer: Some(pb::Customer { customer_id: id.into(), ..customer(given) }),
    };
    let rows = vec![row(2, "C-2", &[]), row(3, "C-3", &[said]), row(4, "C-1", &whole)];
    let answer = import(&server, rows.clone(), false).await;
    assert_eq!((answer.stored_count, answer.refused_count), (1, 2));
    for (fault, (line, text)) in answer
        .faults
        .iter()
        .zip([(3, "farewell_proposed_by names nobody"), (4, "--with-farewells")])
    {
        let error = fault.error.as_ref().expect("a fault says what is wrong");
        assert_eq!((fault.line, &*error.field), (line, r#"customer.attributes["standing"]"#));
        assert!(error.message.contains(text), "{error:?}");
    }
    // What was exported comes in again, if that is said; two names have to be there all the same.
    let answer = import(&server, rows, true).await;
    assert_eq!((answer.stored_count, answer.refused_count), (2, 1));
    assert_eq!(answer.faults[0].line, 3);
    assert_eq!(stored(&server).await["farewell_confirmed_by"], "lee");
    // What is stored may come in once more.
    let answer = import(&server, vec![row(2, "C-1", &whole)], false).await;
    assert_eq!((answer.stored_count, answer.refused_count), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_person_cannot_confirm_by_changing_who_proposed() {
    let server = start().await;
    put(&server, &[]).await.expect("it is stored");
    let open = propose(&server, by_kim()).await.expect("it is proposed");
    let mut others = open.clone();
    others.insert("farewell_proposed_by".into(), "x".into());
    at_fault(put(&server, &pairs(&others)).await, "farewell_proposed_by");
    let mut both = open.clone();
    both.insert("farewell_confirmed_by".into(), "lee".into());
    at_fault(put(&server, &pairs(&both)).await, "farewell_confirmed_by");
    both.insert("standing".into(), "farewell".into());
    at_fault(put(&server, &pairs(&both)).await, "standing");
    assert_eq!(stored(&server).await, open, "a refusal changes nothing");
    refused(confirm(&server, "kim").await, "FAREWELL_SAME_PERSON");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_farewell_that_has_ended_is_not_revived() {
    let server = start().await;
    put(&server, &[]).await.expect("it is stored");
    propose(&server, by_kim()).await.expect("it is proposed");
    let decided = confirm(&server, "lee").await.expect("another confirms");
    let mut moved = decided.clone();
    moved.insert("city".into(), "Bern".into());
    put(&server, &pairs(&moved)).await.expect("the rest may change");
    let mut ended = moved.clone();
    ended.insert("standing".into(), "at_risk".into());
    at_fault(put(&server, &pairs(&ended)).await, "standing");
    moved.remove("farewell_confirmed_by");
    at_fault(put(&server, &pairs(&moved)).await, "farewell_confirmed_by");
    put(&server, &[("standing", "at_risk")]).await.expect("the whole of it goes");
    at_fault(put(&server, &pairs(&decided)).await, "standing");
    assert_eq!(stored(&server).await.len(), 1, "nothing is left of it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_was_seen_is_confirmed() {
    let server = start().await;
    put(&server, &[]).await.expect("it is stored");
    let open = propose(&server, by_kim()).await.expect("it is proposed");
    for (agent, date) in [("max", DATE), ("vera", "2199-04-30")] {
        let outcome = confirm_seen(&server, "lee", agent, date).await;
        let status = refused(outcome, "FAREWELL_NOT_PROPOSED");
        assert!(status.message().contains("is not what was seen"), "{status:?}");
    }
    assert_eq!(stored(&server).await, open);
    confirm_seen(&server, "lee", "vera", DATE).await.expect("it is what was seen");
    confirm_seen(&server, "lee", "vera", DATE).await.expect("a retry");
}

/// Refused because of this attribute, with the way to do it.
fn at_fault(outcome: Result<(), Status>, key: &str) {
    let status = outcome.expect_err("it is refused");
    assert_eq!(told(&status), (Code::InvalidArgument, "INVALID_FIELD".to_owned()));
    let details = status.get_error_details();
    let violation = &details.bad_request().expect("a field").field_violations[0];
    assert_eq!(violation.field, format!("customer.attributes[{key:?}]"));
    assert!(violation.description.contains("`tierline customers farewell"), "{status:?}");
}

fn pairs(attributes: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
    attributes.iter().map(|(key, value)| (&**key, &**value)).collect()
}

async fn import(
    server: &TestServer,
    rows: Vec<pb::ImportRow>,
    with_farewells: bool,
) -> pb::ImportCustomersResponse {
    let request = tokio_stream::once(pb::ImportCustomersRequest { rows, with_farewells });
    let mut answers = server.admin().import_customers(request).await.expect("taken").into_inner();
    answers.next().await.expect("an answer").expect("the stream lives")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_directory_is_told_as_for_any_other_write() {
    let server = TestServer::start_as(Wish { is_silent: true, ..Wish::default() }).await;
    server.hire("vera", &["desk"]).await;
    let expected = told(&put(&server, &[]).await.expect_err("nobody answers"));
    assert_eq!(expected, (Code::Unavailable, "DIRECTORY_UNAVAILABLE".to_owned()));
    let outcomes = [
        propose(&server, by_kim()).await,
        confirm(&server, "lee").await,
        withdraw(&server, "lee").await,
    ];
    for outcome in outcomes {
        assert_eq!(told(&outcome.expect_err("nobody answers")), expected);
    }
}
