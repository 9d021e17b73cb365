//! The table of all settings: what each one does, where it can be set, and its default.
//!
//! The docs of the builder's methods, the flags and variables in `--help`, and the guide's page of settings are made
//! from it, so a setting is described once. Summaries and defaults are Markdown.

/// A setting of a server, or a method of its builder.
#[derive(Debug)]
pub struct Setting {
    /// A sentence without its full stop.
    pub summary: &'static str,
    /// The flags that set it, with their texts in `--help`.
    pub flags: &'static [(&'static str, &'static str)],
    /// The method of [`WebhooksServer`](crate::WebhooksServer) that sets it.
    pub method: Option<&'static str>,
    /// The environment variables that set it, with their texts in `--help`.
    pub variables: &'static [(&'static str, &'static str)],
    /// Its value when it is not set. Empty if there is none.
    pub default: &'static str,
    /// Whether this build of the crate has it.
    pub is_compiled: bool,
}

/// Whether the crate is built with one of these Cargo features.
macro_rules! has_feature {
    ($($feature:literal),+) => {
        cfg!(any($(feature = $feature),+))
    };
}

/// Defines [`SETTINGS`], and the macro `setting_docs!(method)`, which expands to the docs of a builder's method.
macro_rules! settings {
    (
        methods {$(
            $method:ident: $summary:literal
                $(, default $default:literal)?
                $(, flags { $flag:literal: $flag_help:literal $(, $next_flag:literal: $next_flag_help:literal)* })?
                $(, variables { $variable:literal: $variable_help:literal $(, $next_variable:literal: $next_help:literal)* })?
                $(, feature $feature:literal $(or $or_feature:literal)*)?;
        )*}
        others {$(
            $(flag $other_flag:literal)? $(variable $other_variable:literal)?: $other_summary:literal
                $(, default $other_default:literal)?
                $(, feature $other_feature:literal $(or $next_feature:literal)*)?;
        )*}
    ) => {
        macro_rules! setting_docs {$(
            ($method) => {
                concat!(
                    $summary, "."
                    $(, " Default: ", $default, ".")?
                    $(, "\n\nThe flag `", $flag, "`", $(" or `", $next_flag, "`",)* " overrides it.")?
                    $(, "\n\nOverrides the variable `", $variable, "`" $(, " and then `", $next_variable, "`")*, ".")?
                    , "\n"
                )
            };
        )*}
        pub(crate) use setting_docs;

        /// All settings, in the order of the guide's table.
        pub const SETTINGS: &[Setting] = &[
            $(Setting {
                summary: $summary,
                flags: &[$(($flag, $flag_help) $(, ($next_flag, $next_flag_help))*)?],
                method: Some(stringify!($method)),
                variables: &[$(($variable, $variable_help) $(, ($next_variable, $next_help))*)?],
                default: concat!($($default)?),
                is_compiled: true $(&& has_feature!($feature $(, $or_feature)*))?,
            },)*
            $(Setting {
                summary: $other_summary,
                flags: &[$(($other_flag, $other_summary))?],
                method: None,
                variables: &[$(($other_variable, $other_summary))?],
                default: concat!($($other_default)?),
                is_compiled: true $(&& has_feature!($other_feature $(, $next_feature)*))?,
            },)*
        ];
    };
}

settings! {
    methods {
        add_webhook: "Adds a function that has no attribute, at a path below `/webhooks`";
        add_filtered_webhook: "Adds a function that has no attribute, for the deliveries that match a filter";
        endpoint: "Adds an annotated function, from this crate or another";
        webhook_secret: "Sets the secret that requests must have in `X-Webhook-Secret`",
            variables { "WEBHOOK_SECRET": "Secret that requests must have in X-Webhook-Secret" };
        webhook_secrets: "Sets several secrets, each of which is accepted, so that you can rotate them without downtime",
            variables { "WEBHOOK_SECRET_PREVIOUS": "Secret that is accepted as well while you rotate it" };
        secret_in_query: "Accepts the secret in the URL, `?secret=…`, when a request has no `X-Webhook-Secret`",
            default "off";
        data: "Shares a value with all endpoints, which take it as `web::Data<T>`";
        configure: "Configures the actix-web app: routes, data, services";
        hub: "Sets the client of the Hub for the functions that take a `Hub`, and for `paths`",
            default "the client with the token of the environment",
            feature "hub";
        ui: "Replaces the page at `/` with your own: `Blocks`, as the default page is made of, or any actix-web handler";
        host: "Sets the host name or address to listen on",
            default "`127.0.0.1`, on a Space `0.0.0.0`",
            flags { "--host": "Host name or address to listen on" },
            variables { "GRADIO_SERVER_NAME": "Default of --host" };
        port: "Sets the port to listen on; 0 lets the system choose one",
            default "the first free one of 7860–7959, on a Space 7860",
            flags { "--port": "Port to listen on; 0 lets the system choose one" },
            variables {
                "GRADIO_SERVER_PORT": "Default of --port",
                "PORT": "Port assigned by a hosting platform; listens on 0.0.0.0 unless in a terminal"
            };
        workers: "Sets the number of threads that serve requests, 1 to 512",
            default "one per core",
            flags { "--workers": "Number of threads that serve requests" };
        public_url: "Sets the URL at which a proxy or your own tunnel makes the server public, such as `https://hooks.example.com`",
            flags { "--public-url": "URL at which a proxy or your own tunnel makes the server public; opens no share link" };
        register: "Sets whether the server registers its webhooks on the Hub when it starts, one for each endpoint with `watch`",
            default "no",
            flags { "--register": "Register a webhook on the Hub for each endpoint with watch" },
            variables { "WEBHOOKS_REGISTER": "true or false, like --register" },
            feature "hub";
        reconcile: "Sets how often the server asks the Hub for commits whose deliveries it has missed, such as `1h`: 2 minutes to 30 days",
            default "never",
            flags { "--reconcile": "Ask the Hub this often for commits whose deliveries were missed; 1h without a value" },
            variables { "WEBHOOKS_RECONCILE": "Default of --reconcile; true is 1h" },
            feature "hub";
        metrics: "Sets whether the server serves metrics for Prometheus, at `/metrics`",
            default "no",
            flags { "--metrics": "Serve metrics for Prometheus at /metrics" },
            variables { "WEBHOOKS_METRICS": "true or false, like --metrics" },
            feature "metrics";
        metrics_port: "Sets a port of its own for the metrics, which no other path is served on; 0 lets the system choose one",
            default "the port of the server",
            flags { "--metrics-port": "Serve metrics on this port instead, and nothing else on it" },
            variables { "WEBHOOKS_METRICS_PORT": "Default of --metrics-port" },
            feature "metrics";
        alert_url: "Sets the URL to which alerts are posted as JSON, as Slack and other chats take it: dead deliveries, webhooks that the Hub has suspended, a store that is unavailable",
            default "none: no alerts are sent",
            flags { "--alert-url": "URL to post alerts to, such as an incoming webhook of Slack" },
            variables { "WEBHOOKS_ALERT_URL": "Default of --alert-url; not shown in the list of processes, unlike the flag" },
            feature "cli" or "hub";
        body_limit: "Sets the size of the largest accepted request body, in bytes",
            default "10 MiB";
        request_timeout: "Sets how long a client may take to send the head of a request, and then its body: more than zero, at most one day",
            default "10 s";
        shutdown_timeout: "Sets the grace period of a shutdown, in which running functions may finish: at most one day",
            default "30 s";
        share: "Sets whether to open a share link, a public URL through gradio.live's share server",
            default "yes in a terminal, except on a Space, in a Job, in a container, in CI and with `PORT`; no for `start`",
            flags { "--share": "Open a share link, a public URL", "--no-share": "Don't open a share link" },
            variables { "GRADIO_SHARE": "true or false, like --share and --no-share" },
            feature "share";
        share_with: "Opens your own tunnel instead of the share link",
            feature "share";
        share_server: "Opens the share link through your own share server, `host:port`",
            default "the one of gradio.live",
            flags { "--share-server": "Open the share link through this share server" },
            variables { "GRADIO_SHARE_SERVER_ADDRESS": "Default of --share-server" },
            feature "share";
        share_server_certificate: "Connects to your own share server with TLS, trusting only the certificates in this PEM file",
            default "no TLS",
            flags { "--share-server-certificate": "Connect to that share server with TLS, trusting only the certificates in this PEM file" },
            feature "share";
        store: "Sets where background deliveries are stored: a file, or `postgres://user:password@host/database` for several replicas",
            default "`webhooks.db` in the working directory, on a Space in `/data` if it exists",
            flags { "--store": "File for background deliveries, or postgres://USER:PASSWORD@HOST/DATABASE" },
            variables { "WEBHOOKS_STORE": "Default of --store" },
            feature "background";
        keep_done: "Sets how long done deliveries are retained, never less than the longest `dedup_window`",
            default "7 days",
            feature "background";
        keep_dead: "Sets how long dead deliveries are retained; with `Duration::MAX`, until `deliveries purge` deletes them",
            default "30 days",
            feature "background";
        backlog_limit: "Sets how many background deliveries may be queued or running; further ones get 503, and the Hub sends them again",
            default "10 million",
            feature "background";
        store_limit: "Sets how many bytes background deliveries may take, in any state; further ones get 503",
            default "10 GiB",
            feature "background";
        store_connections: "Sets how many connections to PostgreSQL a replica opens at most: 3 to 1000",
            default "9",
            feature "background";
        lease: "Sets the lease: how long a replica may miss heartbeats before its deliveries are reassigned, at least 1 s",
            default "30 s",
            feature "background";
        on_start: "Calls a function with the store once the server runs, for example to enqueue deliveries",
            feature "background";
        on_dead: "Calls a function for each background delivery that has ended dead",
            feature "background";
    }
    others {
        flag "--new-share-url": "Open the share link with a new URL, and give up the previous one", feature "share";
        variable "WEBHOOKS_PAGE_TOKEN": "Token that opens the page: at least 16 characters of letters, digits, `-` or `_`",
            default "a new one at each start", feature "page";
        variable "WEBHOOKS_METRICS_TOKEN": "Token that reads the metrics, `Authorization: Bearer …`: at least 16 characters of letters, digits, `-` or `_`",
            default "none: on the port of the server, nobody can read them", feature "metrics";
        variable "HF_TOKEN": "Token for the Hub's API", default "the one that `hf auth login` has stored", feature "hub";
        variable "HF_TOKEN_PATH": "File with that token", default "`token` in `HF_HOME`", feature "hub";
        variable "HF_HOME": "Directory of that file", default "`huggingface` in `XDG_CACHE_HOME`", feature "hub";
        variable "XDG_CACHE_HOME": "Directory of caches", default "`~/.cache`", feature "hub";
        variable "HF_ENDPOINT": "Address of the Hub", default "`https://huggingface.co`", feature "hub";
        variable "HTTPS_PROXY": "HTTP proxy for `https` URLs: share link, Hub, `trigger --url https://…`";
        variable "HTTP_PROXY": "HTTP proxy for `http` URLs: `trigger --url http://…`";
        variable "ALL_PROXY": "HTTP proxy if the other two are not set";
        variable "NO_PROXY": "Hosts that are reached without a proxy";
        variable "SSL_CERT_FILE": "PEM file with the certificate authorities to trust", default "the system's";
        variable "SSL_CERT_DIR": "Directory of such files", default "the system's";
        variable "RUST_LOG": "Log filter, such as `info` or `debug`", default "`info,sqlx=warn`", feature "cli";
        flag "--log-format" variable "WEBHOOKS_LOG_FORMAT": "Format of the log lines, text or json", default "`text`", feature "cli";
        variable "NO_COLOR": "Log lines without colors, if set", default "colors in a terminal", feature "cli";
        variable "HF_HUB_DISABLE_EXPERIMENTAL_WARNING": "`1` hides the note that the API may change between versions";
        variable "XDG_STATE_HOME": "Directory of the share link's name and registered webhooks", default "`~/.local/state`", feature "share" or "hub";
        variable "SPACE_ID": "Set on a Space: enables its defaults";
        variable "SPACE_HOST": "Set on a Space: the host of its public URL";
        variable "CI": "Set in CI: no share link by default", feature "share";
        variable "JOB_ID": "Set in a Job of the Hub: no share link by default", feature "share";
        variable "WEBHOOK_PAYLOAD": "Set in a Job that a webhook starts: the delivery that `deliver` runs", feature "cli";
        variable "WEBHOOK_ID": "Set in a Job that a webhook starts: the delivery's id, for `deliver`", feature "cli";
        variable "KUBERNETES_SERVICE_HOST": "Set in a Kubernetes pod: no share link by default", feature "share";
    }
}

/// Returns whether this build has the setting of a flag.
pub(crate) fn is_compiled(flag: &str) -> bool {
    let sets = |setting: &&Setting| setting.flags.iter().any(|(name, _)| *name == flag);
    SETTINGS.iter().find(sets).is_none_or(|setting| setting.is_compiled)
}

/// Returns the text of a flag, such as `--host`, for `--help`. `None` if the flag sets no setting.
pub(crate) fn flag_help(flag: &str) -> Option<String> {
    let (setting, help) = SETTINGS.iter().find_map(|setting| {
        let (_, help) = setting.flags.iter().find(|(name, _)| *name == flag)?;
        Some((setting, *help))
    })?;
    // A flag without a value only turns a default around.
    Some(match setting.default {
        "" => help.to_owned(),
        _ if flag == "--no-share" => help.to_owned(),
        default => format!("{help} [default: {}]", plain(default)),
    })
}

/// Lists the variables that this build reads in columns, for the end of `--help`.
pub(crate) fn variables_help() -> String {
    let compiled = SETTINGS.iter().filter(|setting| setting.is_compiled);
    let variables = compiled.flat_map(|setting| setting.variables);
    let width = variables.clone().map(|(name, _)| name.len()).max().unwrap_or_default();
    let lines = variables.map(|(name, help)| format!("\n  {name:width$}  {}", plain(help)));
    "Environment variables, overridden by flags and code:".to_owned() + &lines.collect::<String>()
}

/// Removes the backticks of a Markdown text, for a terminal.
fn plain(markdown: &str) -> String {
    markdown.replace('`', "")
}
