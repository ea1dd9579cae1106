//! Spans that really leave the process, and those that do not.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use prometheus::Registry;
use proxies::Proxies;
use tests_collector::Collector;
use traces::{SpanKind, Target, TraceContext, Tracer};

fn target(endpoint: &str) -> Target {
    Target {
        endpoint: endpoint.to_owned(),
        headers: HashMap::from([("authorization".to_owned(), "Bearer s3cr3t".to_owned())]),
        ratio: 1.0,
        proxies: Proxies::none(),
        version: "1.2.3",
    }
}

/// What became of spans, by the counter.
fn count(tracer: &Tracer) -> HashMap<String, u64> {
    let registry = Registry::new();
    tracer.register(&registry).expect("not counted yet");
    let families = registry.gather();
    assert_eq!(families[0].name(), "packyard_trace_spans_total");
    let ends = families[0].get_metric().iter();
    ends.map(|one| {
        let end = one.get_label()[0].value().to_owned();
        (end, one.get_counter().get_value() as u64)
    })
    .collect()
}

#[tokio::test]
async fn a_span_arrives_with_what_was_said_of_it_below_the_one_around_it() {
    let collector = Collector::start().await;
    let (tracer, exporting) = traces::start(&target(collector.url())).unwrap();
    let outer = tracer.enter("outer", SpanKind::Server, None);
    traces::within(outer.context(), async {
        let mut inner = tracer.child("inner", SpanKind::Internal);
        inner.set("number", 7_i64);
        inner.fail("it broke");
        inner.end();
        drop(tracer.child("left", SpanKind::Internal));
        tracer.child("not ours", SpanKind::Internal).discard();
    })
    .await;
    outer.end();
    tracer.child("outside", SpanKind::Internal).end();
    exporting.finish().await;
    let spans = collector.spans();
    let find = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    let (outer, inner) = (find("outer"), find("inner"));
    assert_eq!(
        (inner.trace.as_str(), &inner.parent),
        (&*outer.trace, &outer.id)
    );
    assert_eq!(outer.parent, "");
    assert_eq!(inner.get("number"), "7");
    assert_eq!(inner.failed.as_deref(), Some("it broke"));
    assert_eq!(find("left").failed.as_deref(), Some("cut off"));
    assert!(outer.from <= inner.from && inner.to <= outer.to);
    assert_eq!(spans.len(), 3, "{spans:#?}");
    assert_eq!(collector.headers()[0]["authorization"], "Bearer s3cr3t");
    assert_eq!(count(&tracer)["sent"], 3);
    assert!(!format!("{:?}", target("http://x")).contains("s3cr3t"));
}

#[tokio::test]
async fn the_caller_decides_of_its_own_trace_and_the_ratio_of_others() {
    let collector = Collector::start().await;
    let never = Target {
        ratio: 0.0,
        ..target(collector.url())
    };
    let (tracer, exporting) = traces::start(&never).unwrap();
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let parse = |flags| TraceContext::parse(&format!("00-{trace}-b7ad6b7169203331-{flags}"));
    for from in [None, parse("00"), parse("01")] {
        let span = tracer.enter("request", SpanKind::Server, from);
        let context = span.context().unwrap();
        assert_eq!(context.sampled, from.is_some_and(|from| from.sampled));
        assert_eq!(span.is_kept(), context.sampled);
        // What is below a trace that is not kept must not begin one of its own.
        traces::within(Some(context), async {
            tracer.child("below", SpanKind::Internal).end();
        })
        .await;
        span.end();
    }
    exporting.finish().await;
    let spans = collector.spans();
    assert_eq!(spans.len(), 2, "{spans:#?}");
    assert!(spans.iter().all(|span| span.trace == trace));
    let request = spans.iter().find(|span| span.name == "request").unwrap();
    assert_eq!(request.parent, "b7ad6b7169203331");
}

#[tokio::test]
async fn a_collector_that_hangs_or_refuses_is_not_waited_for_and_losses_are_counted() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let (tracer, _exporting) = traces::start(&target(&url)).unwrap();
    // While nobody answers: what fits into the queue and one request waits, the rest is gone.
    for _ in 0..20_000 {
        tracer.enter("request", SpanKind::Server, None).end();
        tokio::task::yield_now().await;
    }
    assert!(count(&tracer)["dropped"] >= 10_000, "{:?}", count(&tracer));

    let collector = Collector::start().await;
    collector.refuse(true);
    let (tracer, exporting) = traces::start(&target(collector.url())).unwrap();
    tracer.enter("lost", SpanKind::Server, None).end();
    let began = Instant::now();
    while count(&tracer)["failed"] == 0 {
        assert!(began.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    collector.refuse(false);
    tracer.enter("kept", SpanKind::Server, None).end();
    exporting.finish().await;
    let spans = collector.spans();
    assert_eq!(spans.len(), 1);
    assert_eq!(spans[0].name, "kept");
}

#[test]
fn a_tracer_that_is_off_does_nothing() {
    let tracer = Tracer::default();
    let span = tracer.enter("request", SpanKind::Server, None);
    assert!(!tracer.is_on() && !span.is_kept());
    assert_eq!(span.context(), None);
    tracer.register(&Registry::new()).unwrap();
}
