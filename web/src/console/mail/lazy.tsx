/** Mailboxes are loaded when one is opened: most visits of the console open none. */

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Loading, Notice } from "../../shared/parts";

type Props = { grant: string };

export function MailboxPage({ grant }: Props) {
    const [Loaded, setLoaded] = useState<ComponentType<Props>>();
    const [failed, setFailed] = useState(false);
    useEffect(() => {
        import("./mailbox").then(
            ({ Mailbox }) => setLoaded(() => Mailbox),
            () => setFailed(true),
        );
    }, []);
    if (failed) {
        return (
            <Notice tone="wrong">
                <p>This part of the console could not be loaded. Reload the page.</p>
            </Notice>
        );
    }
    return Loaded ? <Loaded grant={grant} /> : <Loading what="Loading the mailbox" />;
}
