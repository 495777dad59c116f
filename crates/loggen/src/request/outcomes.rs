//! Outcomes of requests: statuses and result types that go together, with their frequencies.

use crate::{
    random::{Choice, Random},
    world::{Kind, weighted},
};

/// Outcome of a request.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: &'static str,
    pub(crate) result: &'static str,
    pub(crate) response_result: &'static str,
    pub(crate) detailed_result: &'static str,
    pub(crate) body: Body,
    /// Whether the origin was asked.
    pub(crate) is_slow: bool,
}

/// Body of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// The content of the path.
    Whole,
    /// The short text of an error.
    Message,
    /// The text of a redirect.
    Redirect,
    /// No body.
    Nothing,
    /// No answer: the viewer hung up.
    Lost,
}

/// Choices of outcomes for each sort of request.
#[derive(Debug)]
pub(crate) struct Outcomes {
    cached: Choice,
    dynamic: Choice,
    changing: Choice,
    probe: Choice,
}

impl Outcomes {
    pub(crate) fn new() -> Self {
        Self {
            cached: weighted(&CACHED),
            dynamic: weighted(&DYNAMIC),
            changing: weighted(&CHANGING),
            probe: weighted(&PROBE),
        }
    }

    pub(crate) fn draw(&self, kind: Kind, method: &str, random: &mut Random) -> &'static Outcome {
        match (kind, method) {
            (Kind::Probe, _) => &PROBE[self.probe.draw(random)].1,
            (_, "OPTIONS") => &PREFLIGHT,
            (_, "POST" | "PUT" | "DELETE") => &CHANGING[self.changing.draw(random)].1,
            (Kind::Api, _) => &DYNAMIC[self.dynamic.draw(random)].1,
            _ => &CACHED[self.cached.draw(random)].1,
        }
    }
}

/// Returns an outcome with the same result type before, after and in detail.
const fn plain(status: &'static str, result: &'static str, body: Body, is_slow: bool) -> Outcome {
    Outcome { status, result, response_result: result, detailed_result: result, body, is_slow }
}

/// Returns an outcome whose detailed result type is another one.
const fn detailed(
    status: &'static str,
    result: &'static str,
    detail: &'static str,
    body: Body,
    is_slow: bool,
) -> Outcome {
    Outcome { status, result, response_result: result, detailed_result: detail, body, is_slow }
}

/// Returns the outcome of an answer during which the viewer hung up.
const fn hung_up(status: &'static str, response_result: &'static str, detail: &'static str, body: Body) -> Outcome {
    Outcome { status, result: "Error", response_result, detailed_result: detail, body, is_slow: true }
}

static PREFLIGHT: Outcome = plain("200", "Miss", Body::Nothing, true);

static CACHED: [(u32, Outcome); 27] = [
    (6600, plain("200", "Hit", Body::Whole, false)),
    (1300, plain("200", "Miss", Body::Whole, true)),
    (240, plain("200", "RefreshHit", Body::Whole, true)),
    (160, detailed("200", "Miss", "OriginShieldHit", Body::Whole, true)),
    (420, plain("304", "Hit", Body::Nothing, false)),
    (80, plain("304", "RefreshHit", Body::Nothing, true)),
    (60, plain("304", "Miss", Body::Nothing, true)),
    (250, plain("301", "Redirect", Body::Redirect, false)),
    (70, plain("301", "Hit", Body::Nothing, false)),
    (80, plain("302", "Miss", Body::Nothing, true)),
    (60, plain("302", "FunctionGeneratedResponse", Body::Nothing, false)),
    (30, detailed("302", "LambdaGeneratedResponse", "LambdaGeneratedResponse", Body::Nothing, true)),
    (20, detailed("200", "Miss", "MissGeneratedResponse", Body::Whole, true)),
    (210, plain("404", "Error", Body::Message, true)),
    (130, plain("403", "Error", Body::Message, true)),
    (20, detailed("403", "Error", "ClientGeoBlocked", Body::Message, false)),
    (20, detailed("403", "Error", "InvalidRequestBlocked", Body::Message, false)),
    (15, detailed("400", "Error", "InvalidRequestHeader", Body::Message, false)),
    (12, detailed("416", "Error", "Error", Body::Message, false)),
    (30, detailed("502", "Error", "OriginConnectError", Body::Message, true)),
    (12, detailed("502", "Error", "OriginDnsError", Body::Message, true)),
    (24, detailed("504", "Error", "OriginCommError", Body::Message, true)),
    (12, plain("503", "CapacityExceeded", Body::Message, false)),
    (12, plain("503", "LimitExceeded", Body::Message, false)),
    (10, plain("503", "LambdaExecutionError", Body::Message, true)),
    (90, hung_up("200", "Hit", "ClientCommError", Body::Whole)),
    (40, hung_up("000", "Miss", "ClientHungUpRequest", Body::Lost)),
];

static DYNAMIC: [(u32, Outcome); 11] = [
    (5200, plain("200", "Miss", Body::Whole, true)),
    (3200, plain("200", "Hit", Body::Whole, false)),
    (300, plain("304", "Miss", Body::Nothing, true)),
    (260, plain("404", "Error", Body::Message, true)),
    (240, plain("401", "Error", Body::Message, true)),
    (90, plain("403", "Error", Body::Message, true)),
    (90, plain("429", "Error", Body::Message, true)),
    (110, detailed("500", "Error", "OriginError", Body::Message, true)),
    (40, detailed("503", "Error", "OriginError", Body::Message, true)),
    (50, detailed("504", "Error", "OriginCommError", Body::Message, true)),
    (70, hung_up("000", "Error", "ClientCommError", Body::Lost)),
];

static CHANGING: [(u32, Outcome); 8] = [
    (6000, plain("200", "Miss", Body::Whole, true)),
    (1900, plain("201", "Miss", Body::Whole, true)),
    (1000, plain("204", "Miss", Body::Nothing, true)),
    (300, plain("400", "Error", Body::Message, true)),
    (250, plain("401", "Error", Body::Message, true)),
    (120, plain("422", "Error", Body::Message, true)),
    (80, detailed("502", "Error", "OriginReadError", Body::Message, true)),
    (40, hung_up("000", "Error", "AbortedOrigin", Body::Lost)),
];

static PROBE: [(u32, Outcome); 4] = [
    (60, plain("404", "Error", Body::Message, true)),
    (25, plain("403", "Error", Body::Message, true)),
    (10, detailed("403", "Error", "InvalidRequestBlocked", Body::Message, false)),
    (5, detailed("400", "Error", "InvalidRequest", Body::Message, false)),
];
