/*
 * What the official C client of NATS does with a server, as an application would: requests, headers, queue groups, and
 * publications to a stream with their acknowledgements. Says what it has seen, and ends with 1 at the first surprise.
 * Usage: nats-client URL
 */
#include <inttypes.h>
#include <nats/nats.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATIENCE_MS = 10000, GROUP_MESSAGES = 200, STREAM_MESSAGES = 100 };

/* A call of the library that must succeed. */
static void must(natsStatus status, const char *what)
{
    if (status == NATS_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, natsStatus_GetText(status));
    nats_PrintLastErrorStack(stderr);
    exit(1);
}

static void expect(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "unexpected: %s\n", what);
    exit(1);
}

static bool is_text(natsMsg *msg, const char *text)
{
    int length = (int)strlen(text);
    return natsMsg_GetDataLength(msg) == length && memcmp(natsMsg_GetData(msg), text, (size_t)length) == 0;
}

/* Answers a request with its own text, and its header. */
static void answer(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *closure)
{
    natsMsg *reply = NULL;
    const char *mood = NULL;
    (void)sub;
    (void)closure;
    must(natsMsg_Create(&reply, natsMsg_GetReply(msg), NULL, natsMsg_GetData(msg), natsMsg_GetDataLength(msg)),
         "create a reply");
    if (natsMsgHeader_Get(msg, "Mood", &mood) == NATS_OK)
        must(natsMsgHeader_Set(reply, "Mood", mood), "set a header");
    must(natsConnection_PublishMsg(nc, reply), "publish a reply");
    natsMsg_Destroy(reply);
    natsMsg_Destroy(msg);
}

static void requests(natsConnection *nc)
{
    natsSubscription *sub = NULL;
    natsMsg *request = NULL;
    natsMsg *reply = NULL;
    const char *mood = NULL;
    must(natsConnection_Subscribe(&sub, nc, "mirror", answer, NULL), "subscribe");
    must(natsConnection_RequestString(&reply, nc, "mirror", "hello", PATIENCE_MS), "request");
    expect(is_text(reply, "hello"), "the answer is another text");
    natsMsg_Destroy(reply);
    puts("request and reply");

    must(natsMsg_Create(&request, "mirror", NULL, "again", 5), "create a message");
    must(natsMsgHeader_Set(request, "Mood", "good, all in all"), "set a header");
    must(natsConnection_RequestMsg(&reply, nc, request, PATIENCE_MS), "request with a header");
    expect(is_text(reply, "again"), "the answer is another text");
    must(natsMsgHeader_Get(reply, "Mood", &mood), "get a header");
    expect(strcmp(mood, "good, all in all") == 0, "the header has changed");
    natsMsg_Destroy(reply);
    natsMsg_Destroy(request);
    puts("headers");

    expect(natsConnection_RequestString(&reply, nc, "nobody", "hello", PATIENCE_MS) == NATS_NO_RESPONDERS,
           "a request that nobody hears is not told so");
    puts("no responders");
    natsSubscription_Destroy(sub);
}

/* Each message comes to one of the group, and to somebody beside it. */
static void groups(natsConnection *nc)
{
    natsSubscription *members[2] = {NULL, NULL};
    natsSubscription *beside = NULL;
    bool seen[GROUP_MESSAGES] = {false};
    int taken = 0;
    for (int i = 0; i < 2; i++)
        must(natsConnection_QueueSubscribeSync(&members[i], nc, "work.*", "group"), "subscribe in a group");
    must(natsConnection_SubscribeSync(&beside, nc, "work.>"), "subscribe beside it");
    for (int i = 0; i < GROUP_MESSAGES; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        must(natsConnection_PublishString(nc, "work.now", text), "publish");
    }
    must(natsConnection_FlushTimeout(nc, PATIENCE_MS), "flush");
    for (int i = 0; i < GROUP_MESSAGES; i++) {
        natsMsg *msg = NULL;
        must(natsSubscription_NextMsg(&msg, beside, PATIENCE_MS), "take a message");
        expect(atoi(natsMsg_GetData(msg)) == i, "the order has changed");
        natsMsg_Destroy(msg);
    }
    for (int i = 0; i < 2; i++) {
        natsMsg *msg = NULL;
        int last = -1;
        while (natsSubscription_NextMsg(&msg, members[i], 1) == NATS_OK) {
            int number = atoi(natsMsg_GetData(msg));
            expect(number > last && !seen[number], "a group got a message twice, or late");
            seen[number] = true;
            last = number;
            taken++;
            natsMsg_Destroy(msg);
        }
        expect(last >= 0, "a member of the group got nothing");
    }
    expect(taken == GROUP_MESSAGES, "the group has not got all");
    puts("queue groups");
    for (int i = 0; i < 2; i++)
        natsSubscription_Destroy(members[i]);
    natsSubscription_Destroy(beside);
}

static void stream(natsConnection *nc)
{
    jsCtx *js = NULL;
    jsStreamConfig config;
    jsStreamInfo *info = NULL;
    jsPubAck *ack = NULL;
    jsPubOptions options;
    jsErrCode code = 0;
    const char *subjects[] = {"kept.>"};
    char id[32];
    must(natsConnection_JetStream(&js, nc, NULL), "JetStream");
    must(jsStreamConfig_Init(&config), "prepare a stream");
    config.Name = "KEPT";
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    config.Storage = js_MemoryStorage;
    must(js_AddStream(&info, js, &config, NULL, &code), "add a stream");
    jsStreamInfo_Destroy(info);
    for (int round = 0; round < 2; round++) {
        for (int i = 1; i <= STREAM_MESSAGES; i++) {
            must(jsPubOptions_Init(&options), "prepare a publication");
            snprintf(id, sizeof id, "id-%d", i);
            options.MsgId = id;
            must(js_Publish(&ack, js, "kept.a", id, (int)strlen(id), &options, &code), "publish to a stream");
            expect(strcmp(ack->Stream, "KEPT") == 0, "another stream has taken it");
            expect(ack->Sequence == (uint64_t)i, "the sequence is another one");
            expect(ack->Duplicate == (round == 1), "the acknowledgement is wrong about a duplicate");
            jsPubAck_Destroy(ack);
        }
    }
    puts("acknowledgements and duplicates");

    must(jsPubOptions_Init(&options), "prepare a publication");
    options.ExpectLastSeq = 5;
    expect(js_Publish(&ack, js, "kept.a", "x", 1, &options, &code) != NATS_OK && code == JSStreamWrongLastSequenceErr,
           "a wrong last sequence is accepted");
    must(js_GetStreamInfo(&info, js, "KEPT", NULL, &code), "look at the stream");
    expect(info->State.Msgs == STREAM_MESSAGES && info->State.LastSeq == STREAM_MESSAGES, "the stream has another size");
    jsStreamInfo_Destroy(info);
    for (int i = 1; i <= STREAM_MESSAGES; i++) {
        natsMsg *msg = NULL;
        snprintf(id, sizeof id, "id-%d", i);
        must(js_GetMsg(&msg, js, "KEPT", (uint64_t)i, NULL, &code), "read a message of the stream");
        expect(is_text(msg, id), "the stream holds another text");
        natsMsg_Destroy(msg);
    }
    must(js_DeleteStream(js, "KEPT", NULL, &code), "delete the stream");
    puts("what a stream holds");
    jsCtx_Destroy(js);
}

int main(int argc, char **argv)
{
    natsConnection *nc = NULL;
    if (argc != 2)
        return 2;
    must(natsConnection_ConnectTo(&nc, argv[1]), "connect");
    requests(nc);
    groups(nc);
    stream(nc);
    natsConnection_Destroy(nc);
    nats_Close();
    return 0;
}
