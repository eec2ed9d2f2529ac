/** What runs here and with which settings. For operators; nothing can be changed here. */

import "../looks/setup.css";
import { useMemo, useState } from "preact/hooks";
import { bytes } from "../../shared/format";
import { Badge, Notice } from "../../shared/parts";
import { get } from "../core/api";
import { useLoad } from "../core/load";
import { here, refine } from "../core/route";
import { session } from "../core/session";
import type { Installation, Migration, Process, Setting } from "../core/wire";
import { count } from "../core/words";
import { Facts } from "../parts/facts";
import { Check, TextField } from "../parts/field";
import { Shown } from "../parts/loading";
import { OperatorOnly } from "../parts/operator-only";
import { Page, Section } from "../parts/page";
import { Table } from "../parts/table";
import { exact, now, Time } from "../parts/time";

const ENGINES = { sqlite: "SQLite", postgres: "PostgreSQL" };

export function SettingsPage() {
    return (
        <Page
            title="Settings"
            lead="What runs here, and the settings in force. To change one, set its environment variable and restart."
        >
            {session.value?.operator ? <Shows /> : <OperatorOnly what="the settings of the server" />}
        </Page>
    );
}

function Shows() {
    const installation = useLoad((signal) => get<Installation>("/v3/console/installation", {}, signal), []);
    return (
        <Shown of={installation} what="settings">
            {(found) => (
                <>
                    <Server of={found} />
                    <Processes nodes={found.nodes} version={found.version} />
                    <Settings of={found.settings} />
                    <Migrations done={found.migrations} pending={found.pending_migrations} />
                </>
            )}
        </Shown>
    );
}

function Server({ of: found }: { of: Installation }) {
    const { database } = found;
    return (
        <Section title="Server">
            <div class="card padded">
                <Facts
                    of={[
                        ["Version", `OpenGrant ${found.version}`],
                        ["Runs on", `Python ${found.python}, ${found.system}`],
                        ["Started", <Time key="started" at={found.started_at} />],
                        ["Uptime", duration(now.value / 1000 - found.started_at)],
                        ["Database", `${ENGINES[database.engine]} ${database.version}`],
                        ["Database size", bytes(database.bytes)],
                        ["Schema", found.migrations.at(-1)?.name],
                    ]}
                />
            </div>
        </Section>
    );
}

/** "3 d 4 h", "12 min". */
function duration(seconds: number): string {
    const minutes = Math.floor(Math.max(seconds, 0) / 60);
    const [days, hours] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24];
    if (days > 0) {
        return `${days} d ${hours} h`;
    }
    return hours > 0 ? `${hours} h ${minutes % 60} min` : minutes > 0 ? `${minutes} min` : "less than a minute";
}

function Processes({ nodes, version }: { nodes: Process[]; version: string }) {
    const mixed = nodes.some((node) => node.version !== version);
    return (
        <Section
            title="Processes"
            note="Servers and workers that use this database. A new one is listed after half a minute, and one that has ended leaves after a minute and a half."
        >
            {mixed && (
                <Notice tone="warn">
                    <p>Processes of different versions run. That is fine during an upgrade; end it soon.</p>
                </Notice>
            )}
            <Table class="stack" columns={["Machine", "Process ID", "Version", "Started", "Last seen"]}>
                {nodes.map((node) => (
                    <tr key={node.id}>
                        <th scope="row">
                            {node.host} {node.this && <Badge tone="accent">Answers you</Badge>}
                        </th>
                        <td data-label="Process ID">{node.pid}</td>
                        <td data-label="Version">
                            {node.version === version ? node.version : <Badge tone="warn">{node.version}</Badge>}
                        </td>
                        <td data-label="Started">
                            <Time at={node.started_at} />
                        </td>
                        <td data-label="Last seen">
                            <Time at={node.seen_at} />
                        </td>
                    </tr>
                ))}
            </Table>
        </Section>
    );
}

function Settings({ of: settings }: { of: Setting[] }) {
    const [text, setText] = useState(here.value.query.get("q") ?? "");
    const [onlySet, setOnlySet] = useState(here.value.query.has("set"));
    const found = useMemo(() => {
        const words = text.toLowerCase().split(/\s+/).filter(Boolean);
        return settings.filter(
            ({ name, value, meaning, source }) =>
                !(onlySet && source === "default") &&
                words.every((word) => `${name} ${value ?? ""} ${meaning} ${source}`.toLowerCase().includes(word)),
        );
    }, [settings, text, onlySet]);
    const search = (wanted: string, set: boolean) => {
        setText(wanted);
        setOnlySet(set);
        refine({ q: wanted, set });
    };
    return (
        <Section
            title="Settings in force"
            note={
                <>
                    As <code>opengrant config</code> prints them. Values of secrets are not sent to this page.
                </>
            }
        >
            <div class="filters with-labels">
                <div class="search">
                    <TextField
                        label="Search settings"
                        value={text}
                        onValue={(wanted) => search(wanted, onlySet)}
                        placeholder="Name, value or meaning"
                        required
                    />
                </div>
                <Check label="Only those that are set" checked={onlySet} onChecked={(set) => search(text, set)} />
                <p class="soft" role="status">
                    {count(found.length, "setting")}
                </p>
            </div>
            {found.length > 0 ? (
                <Table class="stack settings" columns={["Setting", "Value", "From", "Default"]}>
                    {found.map((setting) => (
                        <tr key={setting.name}>
                            <th scope="row">
                                <span class="mono break">{setting.name}</span>
                                <span class="soft second">
                                    <Meaning text={setting.meaning} />
                                </span>
                            </th>
                            <td data-label="Value">
                                <Value of={setting.value} isSecret={setting.secret} />
                            </td>
                            <td data-label="From">
                                {setting.source === "default" ? (
                                    <span class="soft">Default</span>
                                ) : (
                                    <Badge tone="accent">{setting.source}</Badge>
                                )}
                            </td>
                            <td data-label="Default" class="soft">
                                <Value of={setting.default} isSecret={false} />
                            </td>
                        </tr>
                    ))}
                </Table>
            ) : (
                <p class="soft">No setting matches.</p>
            )}
        </Section>
    );
}

/** What stands between backticks is code. */
function Meaning({ text }: { text: string }) {
    return <>{text.split("`").map((part, at) => (at % 2 ? <code key={part}>{part}</code> : part))}</>;
}

function Value({ of: value, isSecret }: { of: Setting["value"]; isSecret: boolean }) {
    if (value === undefined || value === "") {
        return <span class="soft">None</span>;
    }
    return isSecret ? <span class="soft">Set, not shown</span> : <span class="mono break">{String(value)}</span>;
}

function Migrations({ done, pending }: { done: Migration[]; pending: string[] }) {
    return (
        <Section title="Migrations">
            {pending.length > 0 && (
                <Notice tone="wrong">
                    <p>
                        {count(pending.length, "migration")} not run yet: {pending.join(", ")}. Run{" "}
                        <code>opengrant migrate</code> on the server.
                    </p>
                </Notice>
            )}
            <details class="fold">
                <summary>
                    {count(done.length, "migration")} run, the last one {done.at(-1)?.name}
                </summary>
                <div class="tall">
                    <Table class="stack" columns={["Name", "Applied"]}>
                        {done.toReversed().map(({ name, applied_at }) => (
                            <tr key={name}>
                                <th scope="row">{name}</th>
                                <td data-label="Applied">{exact(applied_at)}</td>
                            </tr>
                        ))}
                    </Table>
                </div>
            </details>
        </Section>
    );
}
