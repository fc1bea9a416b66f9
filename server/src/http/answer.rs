//! Refusals as HTTP: a status that any client understands, and the same JSON everywhere.

use axum::Json;
use axum::extract::rejection::{ExtensionRejection, JsonRejection, PathRejection, QueryRejection};
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use collab_proto::Code;
use collab_proto::api::ApiError;

use crate::refusal::Refusal;

/// A refusal under a status that its code alone does not tell.
pub(super) struct Answer {
    status: StatusCode,
    refusal: Refusal,
}

pub(super) type Result<T> = std::result::Result<T, Answer>;

impl Answer {
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, refusal: Refusal::new(Code::BadRequest, message) }
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Self { status: status(refusal.code), refusal }
    }
}

impl From<Code> for Answer {
    fn from(code: Code) -> Self {
        Refusal::from(code).into()
    }
}

macro_rules! rejections {
    ($($rejection:ty),+) => {$(
        impl From<$rejection> for Answer {
            fn from(rejection: $rejection) -> Self {
                Self::new(rejection.status(), rejection.body_text())
            }
        }
    )+};
}

rejections!(ExtensionRejection, JsonRejection, PathRejection, QueryRejection, WebSocketUpgradeRejection);

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let Refusal { code, message, retry_after_ms } = self.refusal;
        let mut response = (self.status, Json(ApiError { code, message, retry_after_ms })).into_response();
        let headers = response.headers_mut();
        if let Some(wait_ms) = retry_after_ms {
            headers.insert(header::RETRY_AFTER, wait_ms.div_ceil(1000).into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// The status for a code. A code that says more than HTTP can falls back on its band.
fn status(code: Code) -> StatusCode {
    match code {
        Code::WrongPassword | Code::BadToken | Code::Unauthorized => StatusCode::UNAUTHORIZED,
        Code::ReadOnly | Code::Banned | Code::Removed => StatusCode::FORBIDDEN,
        Code::NoSuchRoom => StatusCode::NOT_FOUND,
        Code::RoomExists => StatusCode::CONFLICT,
        Code::FrameTooLarge | Code::UpdateTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        code if code.is_permanent() => StatusCode::BAD_REQUEST,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// For every path under `/api` that nothing answers.
pub(super) async fn no_such_endpoint(uri: Uri) -> Answer {
    Answer::new(StatusCode::NOT_FOUND, format!("There is nothing at {} in this API.", uri.path()))
}

/// For a path that exists, asked in another way.
pub(super) async fn wrong_method(method: Method, uri: Uri) -> Answer {
    Answer::new(StatusCode::METHOD_NOT_ALLOWED, format!("{} does not take {method}.", uri.path()))
}

/// Answers of the API hold tokens and logs: nobody keeps them.
pub(super) async fn never_kept(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_status_of_its_band() {
        for code in Code::ALL.iter().copied().chain([Code::Other(4499), Code::Other(4599)]) {
            let status = status(code);
            assert_eq!(status.is_client_error(), code.is_permanent() || code == Code::RateLimited, "{code}");
            assert!(status.is_client_error() || status.is_server_error());
        }
    }
}
