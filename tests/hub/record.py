#!/usr/bin/env python3
"""Records the requests that the Python client sends to the Hub.

The Rust client is compared with them, and the Hub of the tests must take them: both are checked against a client
that this project did not write. Tests read `requests.json` and run no Python. To write it again, for example for a
newer client:

    python3 -m venv target/python && . target/python/bin/activate
    pip install huggingface_hub==2.4.0
    python tests/hub/record.py            # against a recorder in this process
    python tests/hub/record.py --check    # fails when requests.json would change

With `--hubs FILE`, each call goes to a Hub of its own that is already running, and nothing is recorded. The test
`the_python_client_works_with_the_test_hub` does that.
"""

import argparse
import atexit
import json
import os
import re
import shutil
import sys
import tempfile
import threading
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

VERSION = "2.4.0"
FILE = Path(__file__).with_name("requests.json")

# Values of the recorder that differ between Hubs, and their placeholders in the file.
TOKEN = "hf_recorderrecorderrecorderrecorder12"
COMMENT = "65d0000000000000000000c1"
WEBHOOK = "65d0000000000000000000a1"
JOB_ID = "65d0000000000000000000b1"
HEAD = "1" * 40
PULL_REQUEST_HEAD = "2" * 40
PLACEHOLDERS = {
    TOKEN: "{token}",
    COMMENT: "{comment}",
    WEBHOOK: "{webhook}",
    JOB_ID: "{job}",
    HEAD: "{head}",
    PULL_REQUEST_HEAD: "{pull_request_head}",
}

# One entry per call of `webhooks_runtime::Hub`, by its name there; after a colon, a variant of the call.
CALLS = {
    "whoami": "api.whoami()",
    "organization_members": "list(api.list_organization_members('acme'))",
    # Discussions and pull requests
    "discussions": "list(api.get_repo_discussions('me/data', repo_type='dataset'))",
    "discussions:filtered": (
        "list(api.get_repo_discussions('me/data', repo_type='dataset', author='me',"
        " discussion_type='pull_request', discussion_status='open'))"
    ),
    "discussion": "api.get_discussion_details('me/data', 1, repo_type='dataset')",
    "discussion:pull_request": "api.get_discussion_details('me/data', 2, repo_type='dataset')",
    "create_discussion": (
        "api.create_discussion('me/data', 'Name the seed', description='Which seed was used?', repo_type='dataset')"
    ),
    "create_pull_request": (
        "api.create_pull_request('me/data', 'Name the seed', description='It was 42.', repo_type='dataset')"
    ),
    "comment": "api.comment_discussion('me/data', 1, 'It was 42.', repo_type='dataset')",
    "comment:model": "api.comment_discussion('me/tiny', 1, 'It was 42.')",
    "edit_comment": f"api.edit_discussion_comment('me/data', 1, '{COMMENT}', 'It was 43.', repo_type='dataset')",
    "hide_comment": f"api.hide_discussion_comment('me/data', 1, '{COMMENT}', repo_type='dataset')",
    "set_discussion_status": "api.change_discussion_status('me/data', 1, 'closed', repo_type='dataset')",
    "set_discussion_status:comment": (
        "api.change_discussion_status('me/data', 1, 'closed', comment='Answered.', repo_type='dataset')"
    ),
    "rename_discussion": "api.rename_discussion('me/data', 1, 'Name the seeds', repo_type='dataset')",
    "merge_pull_request": "api.merge_pull_request('me/data', 2, repo_type='dataset')",
    "merge_pull_request:comment": "api.merge_pull_request('me/data', 2, comment='Thank you.', repo_type='dataset')",
    # Repos
    "repo_info": "api.repo_info('me/data', repo_type='dataset')",
    "repo_info:model": "api.repo_info('me/tiny')",
    "repo_info:space": "api.repo_info('me/bot', repo_type='space')",
    "repo_info_at": "api.repo_info('me/data', repo_type='dataset', revision='refs/pr/2')",
    "repos": "list(api.list_spaces(author='me'))",
    "refs": "api.list_repo_refs('me/data', repo_type='dataset', include_pull_requests=True)",
    "refs:branches": "api.list_repo_refs('me/data', repo_type='dataset')",
    "files": "list(api.list_repo_tree('me/data', repo_type='dataset', revision='refs/pr/2', recursive=True))",
    "request:repos": "list(api.list_datasets(author='me', sort='last_modified', limit=20))",
    "request:commits": f"api.list_repo_commits('me/data', repo_type='dataset', revision='{HEAD}')",
    "file_bytes": "file('me/data', 'data/train.csv', repo_type='dataset')",
    "file_bytes:model": "file('me/tiny', 'config.json')",
    "file_bytes:space": "file('me/bot', 'README.md', repo_type='space')",
    "file_bytes:encoded": "file('me/data', 'notes/a b#1?ä.txt', repo_type='dataset', revision='refs/pr/2')",
    "commit": (
        "api.create_commit('me/data', [add('data/test.csv', b'seed\\n42\\n'), delete('README.md'),"
        " delete('notes/')], commit_message='Add the test split', commit_description='With a seed.',"
        f" parent_commit='{HEAD}', repo_type='dataset')"
    ),
    "commit:pull_request": (
        "api.create_commit('me/data', [add('data/test.csv', b'seed\\n42\\n')], commit_message='Add the test split',"
        " create_pr=True, repo_type='dataset')"
    ),
    "commit:to_pull_request": (
        "api.create_commit('me/data', [add('data/test.csv', b'seed\\n42\\n')], commit_message='Add the test split',"
        " revision='refs/pr/2', repo_type='dataset')"
    ),
    "create_repo": "api.create_repo('me/new', repo_type='dataset', visibility='private')",
    "create_repo:space": (
        "api.create_repo('me/new', repo_type='space', space_sdk='docker', visibility='public',"
        " space_hardware='cpu-basic', space_secrets=[{'key': 'HF_TOKEN', 'value': 'hush'}],"
        " space_variables=[{'key': 'WATCH', 'value': 'me/data'}])"
    ),
    "delete_repo": "api.delete_repo('me/data', repo_type='dataset')",
    "duplicate_space": (
        "api.duplicate_repo('me/bot', 'me/copy', repo_type='space', visibility='private',"
        " space_hardware='cpu-basic', space_secrets=[{'key': 'HF_TOKEN', 'value': 'hush'}],"
        " space_variables=[{'key': 'WATCH', 'value': 'me/data'}])"
    ),
    # Spaces
    "set_space_secret": "api.add_space_secret('me/bot', 'HF_TOKEN', 'hush')",
    "delete_space_secret": "api.delete_space_secret('me/bot', 'WEBHOOK_SECRET')",
    "space_variables": "api.get_space_variables('me/bot')",
    "set_space_variable": "api.add_space_variable('me/bot', 'WATCH', 'me/data')",
    "delete_space_variable": "api.delete_space_variable('me/bot', 'LEVEL')",
    "space_secrets": "api.get_space_secrets('me/bot')",
    "space_log:build": "list(api.fetch_space_logs('me/bot', build=True))",
    "space_log:run": "list(api.fetch_space_logs('me/bot'))",
    "space_runtime": "api.get_space_runtime('me/bot')",
    "restart_space": "api.restart_space('me/bot')",
    "restart_space:factory": "api.restart_space('me/bot', factory_reboot=True)",
    "pause_space": "api.pause_space('me/bot')",
    "set_space_hardware": "api.request_space_hardware('me/bot', 'cpu-upgrade')",
    # Jobs
    "run_job": (
        "api.run_job(image='python:3.12', command=['python', '-c', 'print(42)'], env={'LEVEL': 'info'},"
        " secrets={'HF_TOKEN': 'hush'}, flavor='cpu-basic', timeout='5m', namespace='me', labels={'name': 'count'})"
    ),
    "run_job:space": (
        "api.run_job(image='hf.co/spaces/me/bot', command=['bot', 'deliver'], namespace='me',"
        " labels={'name': 'deliver'})"
    ),
    # Webhooks
    "webhooks": "api.list_webhooks()",
    "webhook": f"api.get_webhook('{WEBHOOK}')",
    "create_webhook": (
        "api.create_webhook(url='https://bot.example/webhooks/retrain',"
        " watched=[{'type': 'dataset', 'name': 'me/data'}], domains=['repo', 'discussion'], secret='hush')"
    ),
    "create_webhook:job": (
        f"api.create_webhook(job_id='{JOB_ID}',"
        " watched=[{'type': 'org', 'name': 'acme'}],"
        " domains=['repo'], secret='hush')"
    ),
    "update_webhook": (
        f"api.update_webhook('{WEBHOOK}', url='https://bot.example/webhooks/retrain',"
        " watched=[{'type': 'dataset', 'name': 'me/data'}, {'type': 'user', 'name': 'me'}], domains=['repo'],"
        " secret='hush')"
    ),
    "enable_webhook": f"api.enable_webhook('{WEBHOOK}')",
    "disable_webhook": f"api.disable_webhook('{WEBHOOK}')",
    "delete_webhook": f"api.delete_webhook('{WEBHOOK}')",
}

# Calls of `webhooks_runtime::Hub` that the Python client does not have: `changed_files`, `replay_webhook`.

CREATED = "2026-01-01T00:00:00.000Z"


def event(kind, data):
    return {"id": COMMENT, "type": kind, "createdAt": CREATED, "author": {"name": "me"}, "data": data}


def comment_event(text, hidden=False):
    return event("comment", {"edited": False, "hidden": hidden, "latest": {"raw": text}})


def discussion(num):
    is_pull_request = num == 2
    return {
        "num": num,
        "title": "Name the seed",
        "status": "open",
        "author": {"name": "me"},
        "createdAt": CREATED,
        "isPullRequest": is_pull_request,
        "repo": {"name": "me/data", "type": "dataset"},
    }


def details(num):
    found = {**discussion(num), "events": [comment_event("Which seed was used?")]}
    if found["isPullRequest"]:
        found |= {"changes": {"base": "refs/heads/main"}, "filesWithConflicts": [], "diff": ""}
    return found


def repo(name):
    return {"id": name, "sha": HEAD, "private": False, "tags": [], "siblings": [{"rfilename": "README.md"}]}


def ref(name, full, commit=HEAD):
    return {"name": name, "ref": full, "targetCommit": commit}


def webhook(state, body=None):
    found = {
        "id": WEBHOOK,
        "watched": [{"type": "dataset", "name": "me/data"}],
        "domains": ["repo", "discussion"],
        "disabled": state,
    }
    if body and "jobSourceId" in body:
        return {**found, "job": {"dockerImage": "bot"}}
    return {**found, "url": "https://bot.example/webhooks/retrain"}


def runtime(stage):
    return {"stage": stage, "hardware": {"current": "cpu-basic", "requested": "cpu-basic"}}


def commit(query):
    made = {"commitUrl": "{endpoint}/datasets/me/data/commit/" + HEAD, "commitOid": HEAD}
    if "create_pr" in query:
        made["pullRequestUrl"] = "{endpoint}/datasets/me/data/discussions/3"
    return made


def preupload(body):
    return {"files": [{"path": it["path"], "uploadMode": "regular", "shouldIgnore": False} for it in body["files"]]}


def refs(query):
    found = {"branches": [ref("main", "refs/heads/main")], "converts": [], "tags": [ref("v1", "refs/tags/v1")]}
    if "include_prs" in query:
        found["pullRequests"] = [ref("2", "refs/pr/2", PULL_REQUEST_HEAD)]
    return found


def variables(pairs):
    return {key: {"value": value} for key, value in pairs.items()}


JOB = {
    "id": JOB_ID,
    "status": {"stage": "SCHEDULING"},
    "owner": {"id": "65d000000000000000000001", "name": "me", "type": "user"},
}
WHOAMI = {
    "type": "user",
    "id": "65d000000000000000000001",
    "name": "me",
    "orgs": [],
    "auth": {"type": "access_token"},
}
MEMBER = {"user": "me", "fullname": "me", "avatarUrl": "/avatars/me.svg", "type": "user"}
LISTED = {"id": "me/bot", "private": False, "tags": []}
FOLDER = {"type": "directory", "oid": HEAD, "size": 0, "path": "data"}
TREE_FILE = {"type": "file", "oid": HEAD, "size": 8, "path": "data/train.csv"}
CONTENTS = b"seed\n42\n"

# Method and path, and the body of a response: exactly what the Python client reads, so that a Hub whose responses have
# the same members is one that the client understands. `{endpoint}` becomes the recorder's own URL.
RESPONSES = [
    ("GET /api/whoami-v2", lambda _: WHOAMI),
    ("GET /api/organizations/acme/members", lambda _: [MEMBER]),
    ("GET /api/spaces", lambda _: [LISTED]),
    (r"GET /api/datasets/me/data/tree/refs%2Fpr%2F2", lambda _: [FOLDER, TREE_FILE]),
    (r"GET /api/spaces/me/bot/variables", lambda _: variables({"LEVEL": "info"})),
    (
        r"GET /api/datasets/me/data/discussions",
        lambda _: {"count": 2, "start": 0, "discussions": [discussion(1), discussion(2)]},
    ),
    (r"GET /api/datasets/me/data/discussions/(\d)", lambda it: details(int(it.match[1]))),
    (r"POST /api/datasets/me/data/discussions", lambda _: {"num": 3}),
    (r"POST .*/discussions/1/comment", lambda it: {"newMessage": comment_event(it.body["comment"])}),
    (r"POST .*/discussions/1/comment/\w+/edit", lambda it: {"updatedComment": comment_event(it.body["content"])}),
    (r"POST .*/discussions/1/comment/\w+/hide", lambda _: {"updatedComment": comment_event("", hidden=True)}),
    (r"POST .*/discussions/1/status", lambda it: {"newStatus": event("status-change", {"status": it.body["status"]})}),
    (
        r"POST .*/discussions/1/title",
        lambda it: {"newTitle": event("title-change", {"from": "Name the seed", "to": it.body["title"]})},
    ),
    (r"POST .*/discussions/2/merge", lambda _: {}),
    (
        r"GET /api/datasets",
        lambda _: [{"id": "me/data", "private": False, "downloads": 0, "likes": 0, "tags": []}],
    ),
    (
        r"GET /api/datasets/me/data/commits/\w+",
        lambda _: [{"id": HEAD, "authors": [{"user": "me"}], "date": CREATED, "title": "Add data", "message": ""}],
    ),
    (r"GET /api/\w+s/(me/\w+)(/revision/refs%2Fpr%2F2)?", lambda it: repo(it.match[1])),
    (r"GET /api/datasets/me/data/refs", lambda it: refs(it.query)),
    (r"(HEAD|GET) .*/resolve/.*", lambda _: CONTENTS),
    (r"POST /api/datasets/me/data/preupload/.*", lambda it: preupload(it.body)),
    (r"POST /api/datasets/me/data/commit/.*", lambda it: commit(it.query)),
    (r"POST /api/repos/create", lambda it: {"url": "{endpoint}/" + it.body["type"] + "s/me/new"}),
    (r"DELETE /api/repos/delete", lambda _: None),
    (r"POST /api/spaces/me/bot/duplicate", lambda _: {"url": "{endpoint}/spaces/me/copy"}),
    (r"GET /api/spaces/me/bot/secrets", lambda _: {"WEBHOOK_SECRET": {"updatedAt": CREATED}}),
    (r"(POST|DELETE) /api/spaces/me/bot/secrets", lambda _: None),
    (r"GET /api/spaces/me/bot/logs/(build|run)", lambda _: None),
    (r"POST /api/spaces/me/bot/variables", lambda _: variables({"LEVEL": "info", "WATCH": "me/data"})),
    (r"DELETE /api/spaces/me/bot/variables", lambda _: variables({})),
    (r"GET /api/spaces/me/bot/runtime", lambda _: runtime("RUNNING")),
    (r"POST /api/spaces/me/bot/restart", lambda _: runtime("BUILDING")),
    (r"POST /api/spaces/me/bot/pause", lambda _: runtime("PAUSED")),
    (r"POST /api/spaces/me/bot/hardware", lambda _: runtime("RUNNING")),
    (r"POST /api/jobs/me", lambda _: JOB),
    (r"GET /api/settings/webhooks", lambda _: [webhook(False)]),
    (r"GET /api/settings/webhooks/\w+", lambda _: {"webhook": webhook(False)}),
    (r"POST /api/settings/webhooks(/\w+)?", lambda it: {"webhook": webhook(False, it.body)}),
    (r"POST /api/settings/webhooks/\w+/enable", lambda _: {"webhook": webhook(False)}),
    (r"POST /api/settings/webhooks/\w+/disable", lambda _: {"webhook": webhook(True)}),
    (r"DELETE /api/settings/webhooks/\w+", lambda _: None),
]


def with_placeholders(text):
    for value, placeholder in PLACEHOLDERS.items():
        text = text.replace(value, placeholder)
    return text


def parsed(body, content_type):
    """JSON, a list of the lines of NDJSON, or null."""
    if content_type == "application/x-ndjson":
        return [json.loads(line) for line in body.splitlines()]
    return json.loads(body) if body else None


class Recorder(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    requests = []

    def handle_request(self):
        url = urlsplit(self.path)
        content_type = self.headers.get("Content-Type")
        self.query = dict(parse_qsl(url.query, keep_blank_values=True))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.body = parsed(body, content_type)
        for pattern, respond in RESPONSES:
            self.match = re.fullmatch(pattern, f"{self.command} {url.path}")
            if self.match:
                break
        else:
            sys.exit(f"the recorder has no response to {self.command} {self.path}")
        response = respond(self)
        recorded = {
            "method": self.command,
            "path": url.path,
            "query": self.query,
            "headers": {"authorization": self.headers.get("Authorization")},
            "body": self.body,
        }
        if content_type:
            recorded["headers"]["content-type"] = content_type
        if not isinstance(response, bytes):
            recorded["response"] = response
        Recorder.requests.append(json.loads(with_placeholders(json.dumps(recorded, ensure_ascii=False))))
        self.send(response)

    do_GET = do_HEAD = do_POST = do_DELETE = do_PUT = do_PATCH = handle_request

    def send(self, response):
        self.send_response(200)
        endpoint = f"http://{self.headers['Host']}"
        if isinstance(response, bytes):
            self.send_header("ETag", '"1111"')
            self.send_header("X-Repo-Commit", HEAD)
        elif response is None:
            response = b"OK"
        else:
            response = json.dumps(response).replace("{endpoint}", endpoint).encode()
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(response)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response)

    def log_message(self, *_):
        pass


def python_client():
    """Returns the client's module, which is imported with settings of its own."""
    home = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, home)
    os.environ |= {"HF_HOME": home, "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_XET": "1"}
    import huggingface_hub

    if huggingface_hub.__version__ != VERSION:
        sys.exit(f"this is huggingface_hub {huggingface_hub.__version__}: install {VERSION}, or change VERSION")
    return huggingface_hub


def call(client, expression, endpoint, token):
    """Evaluates an expression of CALLS with a client for this Hub."""
    api = client.HfApi(endpoint=endpoint, token=token)

    def file(repo_id, path, **options):
        with tempfile.TemporaryDirectory() as cache:
            return Path(api.hf_hub_download(repo_id, path, cache_dir=cache, **options)).read_bytes()

    scope = {"api": api, "file": file, "add": client.CommitOperationAdd, "delete": client.CommitOperationDelete}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        eval(expression, scope)


def record(client):
    """Returns the text of requests.json."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    entries = []
    for name, expression in CALLS.items():
        Recorder.requests.clear()
        call(client, expression, f"http://127.0.0.1:{server.server_port}", TOKEN)
        entries.append({"call": name, "python": with_placeholders(expression), "requests": list(Recorder.requests)})
    recorded = {"client": f"huggingface_hub {VERSION}", "calls": entries}
    return json.dumps(recorded, indent=1, ensure_ascii=False) + "\n"


def call_hubs(client, hubs):
    """Makes each call at a Hub of its own. `hubs` has, by the call, its `{endpoint}` and the other placeholders."""
    failed = []
    for name, values in hubs.items():
        expression = with_placeholders(CALLS[name])
        for placeholder, value in values.items():
            expression = expression.replace(f"{{{placeholder}}}", value)
        try:
            call(client, expression, values["endpoint"], values["token"])
        except Exception as error:
            failed.append(f"{name}: {error!r}")
    if failed:
        sys.exit("\n".join(failed))


def main():
    parser = argparse.ArgumentParser(description="Records the requests of the Python client.")
    parser.add_argument("--check", action="store_true", help="compare with requests.json and write nothing")
    parser.add_argument("--hubs", metavar="FILE", type=Path, help="call these Hubs, and record nothing")
    arguments = parser.parse_args()
    client = python_client()
    if arguments.hubs:
        call_hubs(client, json.loads(arguments.hubs.read_text()))
    elif not arguments.check:
        FILE.write_text(record(client))
    elif FILE.read_text() != record(client):
        sys.exit("requests.json is not what the client sends: run record.py without --check")


if __name__ == "__main__":
    main()
