from tests.announcing import *
def test_x(announcing, subscriber, hook, log_stream):
    subscribe(subscriber, hook); room(subscriber,"r"); deliver(announcing)
    print(deliveries(subscriber), announcing.rows("select * from webhooks"))
    print([l for l in log_stream.getvalue().decode().splitlines() if 'deliver' in l][-1:])
    assert 0
