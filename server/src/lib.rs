//! The collab server: rooms with a password, one shared text each, live over WebTransport.
//!
//! Reading order: [`room`] is the exhibit (one text, its members, what each is sent), [`session`] and [`transport`] bring
//! people to it, [`yjs`] those with an editor of their own, [`auth`] decides who may enter, [`store`] keeps what must outlive the process, [`http`] shows pages and the API,
//! and [`serve`] starts and stops the whole.
//! [`maintenance`] is for data that no server uses at the moment.

pub mod room;

pub mod session;

pub mod yjs;

pub mod transport;

pub mod auth;

pub mod rooms;

pub mod store;

pub mod audit;

pub mod auditor;

pub mod serve;

pub mod certificate;

pub mod maintenance;

pub mod app;

pub mod http;

pub mod preview;

pub mod config;

pub mod data_dir;

pub mod logging;

pub mod metrics;

pub mod turns;

pub mod priority;

pub mod clock;

pub mod bucket;

pub mod refusal;
