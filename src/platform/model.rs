//! A language model: one question, one answer, over Anthropic's Messages API or an `OpenAI`-compatible endpoint.
//!
//! It is asked for words and gets no tool. What it answers is text from outside, like any other: who asked checks it.
//! Sources: Anthropic, "Messages" (version 2023-06-01); `OpenAI`, "Chat completions", which vLLM, llama.cpp and Ollama speak.
//! Never: a second try (who asks has words without it), an answer that was cut off taken for whole, a prompt in a message.

use std::{path::PathBuf, time::Duration};

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Failure, Platform, PlatformError,
    http::{Answer, Ask, Budget, Http, Manners},
    secret,
};

/// The version of Anthropic's API that is spoken here.
const ANTHROPIC_VERSION: &str = "2023-06-01";
/// For messages, as in "asked for other words".
const ASKED: &str = "other words";

/// The section `[model]` of an agent.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub api: Api,
    /// Anthropic: without `/v1`. `OpenAI`: with it. Left out, the vendor's own; plain HTTP is for this machine alone.
    pub url: Option<String>,
    /// As the endpoint calls it. It stands on each row that it worded.
    pub model: String,
    pub key_env: Option<String>,
    pub key_file: Option<PathBuf>,
    pub ca_file: Option<PathBuf>,
    /// An answer that is not whole after so long comes too late, in seconds.
    #[serde(default = "deadline_s")]
    pub deadline_s: u32,
    /// Tokens of one answer at most.
    #[serde(default = "tokens_max")]
    pub tokens_max: u32,
    /// `OpenAI`'s endpoints of before 2024, and some local ones, know only `max_tokens`.
    #[serde(default)]
    pub tokens_field: TokensField,
    /// Questions an hour at most; what is beyond keeps the rules' own words.
    #[serde(default = "calls_an_hour")]
    pub calls_an_hour: u32,
}

fn deadline_s() -> u32 {
    10
}

fn tokens_max() -> u32 {
    1_000
}

fn calls_an_hour() -> u32 {
    60
}

/// How the endpoint is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Api {
    Anthropic,
    OpenAi,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokensField {
    #[default]
    MaxCompletionTokens,
    MaxTokens,
}

/// What is asked: what it is to do, and what it is to do it with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub system: String,
    pub user: String,
}

/// One model at one endpoint.
#[derive(Debug)]
pub struct Model {
    http: Http,
    config: Config,
}

impl Model {
    /// Reads the key and makes the client; asks nobody yet.
    pub fn open(config: &Config) -> Result<Self, PlatformError> {
        let place = secret::Place { env: config.key_env.as_deref(), file: config.key_file.as_ref() };
        let key = secret::read_named(Platform::Model, "key", place)?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let (header, prefix) = match config.api {
            Api::Anthropic => {
                let version = HeaderName::from_static("anthropic-version");
                headers.insert(version, HeaderValue::from_static(ANTHROPIC_VERSION));
                (HeaderName::from_static("x-api-key"), "")
            }
            Api::OpenAi => (AUTHORIZATION, "Bearer "),
        };
        // An endpoint on this machine asks for none.
        if let Some(key) = key {
            headers.insert(header, secret::header(Platform::Model, prefix, &key)?);
        }
        let url = config.url.as_deref().unwrap_or(match config.api {
            Api::Anthropic => "https://api.anthropic.com",
            Api::OpenAi => "https://api.openai.com/v1",
        });
        let manners = Manners { said, failure: |_| None };
        let http = Http::new(Platform::Model, url, headers, config.ca_file.as_deref(), manners)?;
        Ok(Self { http, config: config.clone() })
    }

    pub fn name(&self) -> &str {
        &self.config.model
    }

    pub fn calls_an_hour(&self) -> usize {
        usize::try_from(self.config.calls_an_hour).unwrap_or(usize::MAX)
    }

    /// The answer's text, if it is whole.
    pub async fn ask(&self, question: &Question) -> Result<String, PlatformError> {
        let deadline = Duration::from_secs(u64::from(self.config.deadline_s.max(1)));
        let ask = match self.config.api {
            Api::Anthropic => Ask::post(ASKED, &["v1", "messages"], &self.to_anthropic(question)),
            Api::OpenAi => Ask::post(ASKED, &["chat", "completions"], &self.to_openai(question)),
        };
        let body: Value = self.http.json(ask.within(Budget::of(deadline))).await?;
        let text = match self.config.api {
            Api::Anthropic => of_anthropic(&body),
            Api::OpenAi => of_openai(&body),
        };
        text.map_err(|why| self.http.error(ASKED, Failure::Garbage, &why))
    }

    fn to_anthropic(&self, question: &Question) -> Value {
        json!({
            "model": self.config.model,
            "max_tokens": self.config.tokens_max,
            "system": question.system,
            "messages": [{ "role": "user", "content": question.user }],
        })
    }

    fn to_openai(&self, question: &Question) -> Value {
        let tokens = match self.config.tokens_field {
            TokensField::MaxCompletionTokens => "max_completion_tokens",
            TokensField::MaxTokens => "max_tokens",
        };
        json!({
            "model": self.config.model,
            tokens: self.config.tokens_max,
            "messages": [
                { "role": "system", "content": question.system },
                { "role": "user", "content": question.user },
            ],
        })
    }
}

fn of_anthropic(body: &Value) -> Result<String, String> {
    whole(&body["stop_reason"], &["end_turn", "stop_sequence"])?;
    let blocks = body["content"].as_array().map(Vec::as_slice).unwrap_or_default();
    let texts =
        blocks.iter().filter(|block| block["type"] == "text").filter_map(|block| block["text"].as_str());
    some(texts.collect())
}

fn of_openai(body: &Value) -> Result<String, String> {
    let choice = &body["choices"][0];
    whole(&choice["finish_reason"], &["stop"])?;
    some(choice["message"]["content"].as_str().unwrap_or_default().to_owned())
}

/// It came to its own end, and was not cut off by a limit or a filter.
fn whole(reason: &Value, ends: &[&str]) -> Result<(), String> {
    match reason.as_str() {
        Some(reason) if ends.contains(&reason) => Ok(()),
        Some(reason) => Err(format!("it stopped early: {reason}")),
        None => Err("it does not say that it came to an end".to_owned()),
    }
}

fn some(text: String) -> Result<String, String> {
    if text.trim().is_empty() { Err("it said nothing".to_owned()) } else { Ok(text) }
}

/// Both put their words for a no into `error.message`.
fn said(answer: &Answer) -> String {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    body["error"]["message"].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
pub(crate) mod tests;
