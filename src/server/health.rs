//! Health checks over gRPC say what the driver's views say: a server whose journal has no space serves
//! nobody.

use crate::api;
use crate::driver::View;
use std::sync::Arc;
use tokio::sync::watch;
use tonic_health::server::HealthReporter;

/// Tells `reporter` whether the server serves, as often as `views` change their mind. Ends with them,
/// and then nothing is served.
pub(super) async fn follow(reporter: HealthReporter, mut views: watch::Receiver<Arc<View>>) {
    let serves = |view: &View| !view.is_full && !view.is_draining;
    loop {
        let told = serves(&views.borrow_and_update());
        api::set_serving(&reporter, told).await;
        if views.wait_for(|view| serves(view) != told).await.is_err() {
            break;
        }
    }
    api::set_serving(&reporter, false).await;
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "in a test a panic is the report")]
mod tests {
    use super::*;
    use crate::engine::model::Time;
    use crate::policy;
    use std::time::Duration;
    use tokio::time::timeout;
    use tokio_stream::StreamExt as _;
    use tonic::Request;
    use tonic_health::ServingStatus;
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_server::Health as _;
    use tonic_health::server::HealthService;

    #[tokio::test]
    async fn health_follows_the_space_of_the_journal_and_the_end_of_the_driver() {
        let text = include_str!("../../config/default.toml");
        let (policy, _) = policy::parse("default.toml", text).unwrap();
        let view = View {
            at: Time(0),
            policy: Arc::new(policy),
            ticket_count: 0,
            waiting_count: 0,
            resting: crate::engine::Resting::default(),
            unconfirmed_count: 0,
            quarantined_count: 0,
            queues: Vec::new(),
            tiers: Vec::new(),
            pools: Vec::new(),
            agent_count: 0,
            is_full: false,
            trouble: None,
            is_draining: false,
        };
        let (publish, views) = watch::channel(Arc::new(view.clone()));
        let reporter = HealthReporter::new();
        let service = HealthService::from_health_reporter(reporter.clone());
        api::set_serving(&reporter, false).await;
        let request = HealthCheckRequest { service: "tierline.v1.AgentService".to_owned() };
        let mut told = service.watch(Request::new(request)).await.unwrap().into_inner();
        let mut until = async |status: ServingStatus| {
            let told =
                async { while told.next().await.unwrap().unwrap().status != status as i32 {} };
            timeout(Duration::from_secs(60), told).await.expect("health follows");
        };
        let following = tokio::spawn(follow(reporter, views));
        until(ServingStatus::Serving).await;
        for _ in 0..2 {
            publish.send_replace(Arc::new(View { is_full: true, ..view.clone() }));
            until(ServingStatus::NotServing).await;
            publish.send_replace(Arc::new(view.clone()));
            until(ServingStatus::Serving).await;
        }
        publish.send_replace(Arc::new(View { is_draining: true, ..view.clone() }));
        until(ServingStatus::NotServing).await;
        publish.send_replace(Arc::new(view));
        until(ServingStatus::Serving).await;
        drop(publish);
        following.await.unwrap();
        until(ServingStatus::NotServing).await;
    }
}
